"""A study of a tiny plain config, and a program that stands in for its trainings."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from plain_configs import draw_images, plain_config

STUB = Path(__file__).parent / "test_study" / "stub_training.py"


def stub_command(config: Path, folder: Path) -> list[str]:
    """Starts a program that writes the log of a training, and trains nothing."""
    return [sys.executable, "-S", "-E", str(STUB), str(config), str(folder)]


def study_writer(folder: Path) -> Callable[..., Path]:
    """What writes a study of a tiny plain config with six images into a folder.

    Returns:
        A function of the study's name and of changes to it, which returns its file;
        None removes a key.
    """
    draw_images(folder / "data", images=6, masks=6)
    for count in (2, 3):
        names = "\n".join(f"train{i}.png" for i in range(count))
        (folder / f"list{count}.txt").write_text(names)
    plain_config(folder / "data", iters=8).dump(folder / "plain.py")

    def write(name: str = "tiny", **changes: object) -> Path:
        content = {
            "config": "plain.py",
            "methods": ["supervised", "cutmix"],
            "splits": {"m2": str(folder / "list2.txt")},
            "seeds": [0, 1],
            "iterations": 4,
            **changes,
        }
        lines = [f"{k} = {v!r}" for k, v in content.items() if v is not None]
        path = folder / f"{name}.py"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def write_log(folder, name: str, *entries: dict, end: str = "\n") -> None:
    """Write the log of a training: lines of JSON in a folder of this name."""
    path = folder / name / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(map(json.dumps, entries)) + end)
