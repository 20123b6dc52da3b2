"""Work-dirs as trainings leave them, for tests of reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from mmseg_semisup.report.facts import Facts, write_facts
from mmseg_semisup.report.validation import Gatherer, Kept, Validation, write_validation

CLASSES = ["ground", "cat", "dog"]
PALETTE = [[60, 60, 60], [230, 25, 75], [60, 180, 75]]
HEAD = "2026/11/27 04:00:00 - mmengine -"


def curve(last: float, steps: int = 4, network: str = "") -> list[dict[str, Any]]:
    """Lines of a log: losses at each ten iterations, a validation after each line."""
    lines: list[dict[str, Any]] = []
    for i in range(1, steps + 1):
        loss = {
            "loss": 2.0 / i,
            "labeled.loss_ce": 1.5 / i,
            "consistency.loss": 0.5 / i,
        }
        figures = {"consistency.selected": 0.2 * i, "lr": 0.01, "time": 0.5}
        lines.append({**loss, **figures, "iter": 10 * i, "step": 10 * i})
        value = last * i / steps
        scores = {f"{network}mIoU": value, f"{network}aAcc": 80.0}
        ious = {f"{network}IoU/{name}": value + 5 * k for k, name in enumerate(CLASSES)}
        lines.append({**scores, **ious, "step": 10 * i})
    return lines


def scenes(folder: Path, count: int, right: float, seed: int = 0) -> Kept:
    """What a validation of small images keeps, of which a share of pixels is right."""
    generator = np.random.default_rng(seed)
    drawn = np.random.default_rng(99)
    gatherer = Gatherer(count, len(CLASSES))
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        path = folder / f"image{i}.png"
        if not path.exists():
            pixels = drawn.integers(0, 256, (24, 32, 3), np.uint8)
            Image.fromarray(pixels).save(path)
        truth = torch.full((24, 32), i % 3)
        truth[:2] = 255
        wrong = torch.from_numpy(generator.random((24, 32)) > right)
        predicted = torch.where(wrong, (truth + 1).clamp(max=2), truth.clamp(max=2))
        areas = torch.zeros(4, 3)
        known = truth != 255
        for c in range(3):
            one, other = (predicted == c) & known, truth == c
            areas[0, c] = (one & other).sum()
            areas[1, c] = (one | other).sum()
        assert gatherer.wants()
        sure = torch.where(wrong, 0.6, 0.97)
        gatherer.add(str(path), predicted, truth, areas, sure)
    return gatherer.kept()


def run_writer(root: Path) -> Callable[..., Path]:
    """What writes work-dirs as trainings leave them into a folder.

    Returns:
        A function of the training's name and of its facts, which returns its work-dir.
    """

    def make(
        name: str = "run",
        last: float = 60.0,
        network: str = "",
        right: float = 0.8,
        classes: Sequence[str] = CLASSES,
        lines: Sequence[Mapping[str, Any]] | None = None,
        warnings: Sequence[str] = (),
        images: int = 6,
        **facts: Any,
    ) -> Path:
        folder = root / name
        logs = folder / "20261127_040000"
        (logs / "vis_data").mkdir(parents=True)
        entries = curve(last, network=network) if lines is None else lines
        text = "".join(f"{json.dumps(entry)}\n" for entry in entries)
        (logs / "vis_data" / "scalars.json").write_text(text)
        shown = [f"{HEAD} INFO - begins", *(f"{HEAD} WARNING - {w}" for w in warnings)]
        (logs / "20261127_040000.log").write_text(
            "\n".join(shown), "utf-8", "surrogateescape"
        )
        (folder / "config.py").write_text("model = dict(type='X')\n")
        start = {
            "time": "2026-11-27 04:00",
            "iteration": 0,
            "command": "python tools/train.py config.py",
            "commit": "abc1234",
            "machine": "2 cores",
            "versions": {"torch": "2.13.0"},
        }
        content = {
            "topics": {"model": "EncoderDecoder of UNet", "networks": "student"},
            "classes": list(classes),
            "palette": PALETTE[: len(classes)],
            "predicts": network.rstrip("/"),
            "iterations": 40,
            "iteration": 40,
            "finished": True,
            "time": "2026-11-27 04:30",
            "since": "20261127_040000",
            "config": "config.py",
            "method": "cutmix",
            "starts": [start],
            "data": None,
        }
        write_facts(folder, Facts(**{**content, **facts}))
        if images:
            found = scenes(root / "photos", images, right)
            table = np.array([[90, 5, 5], [10, 80, 10], [0, 50, 50]])
            validation = Validation(40, images, found.scenes, table, found.counts)
            write_validation(folder, validation)
        return folder

    return make
