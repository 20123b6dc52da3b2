"""Writes generated scenes: images, masks, and lists of ids."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

from mmseg_semisup.core.records import RecordError, read_record

from . import scenes

SIZE = 64
SPLITS = {"labeled": 16, "unlabeled": 512, "val": 240}
RECORD = "dataset.json"


def prepare_dataset(folder: Path, seed: int) -> bool:
    """Write the data set, unless the folder already holds the same one.

    There are masks for labelled and validation images only.

    Args:
        folder: Folder of ``images``, ``masks`` and ``splits``.
        seed: Another seed gives other scenes in all splits.

    Returns:
        Whether anything was written.

    Raises:
        OSError: If a file cannot be written.
    """
    source = Path(scenes.__file__).read_bytes()
    wanted = {
        "seed": seed,
        "size": SIZE,
        "images": SPLITS,
        "generator": hashlib.sha256(source).hexdigest(),
    }
    record = folder / RECORD
    with contextlib.suppress(RecordError):
        if read_record(record) == wanted:
            return False
    for name in ("images", "masks", "splits"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    record.unlink(missing_ok=True)
    for split, count in SPLITS.items():
        # Each split has its own generator, so that its size does not change the others.
        rng = np.random.default_rng([seed, *split.encode()])
        images, labels = scenes.draw_scenes(count, SIZE, rng)
        ids = [f"{split}_{i:04d}" for i in range(count)]
        for name, image, label in zip(ids, images, labels, strict=True):
            _write(folder / "images" / f"{name}.png", image[..., ::-1])
            if split != "unlabeled":
                _write(folder / "masks" / f"{name}.png", label)
        (folder / "splits" / f"{split}.txt").write_text("\n".join(ids) + "\n")
    # The record comes last: without it, the folder is written anew.
    record.write_text(json.dumps(wanted, indent=2) + "\n")
    return True


def _write(path: Path, pixels: np.ndarray) -> None:
    """Write a PNG; raise OSError if that fails."""
    done, content = cv2.imencode(".png", np.ascontiguousarray(pixels))
    if not done:
        raise OSError(f"cannot encode {path}")
    path.write_bytes(content.tobytes())
