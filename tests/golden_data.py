"""Generated images and masks, in the layouts that the shipped configs read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SIZE = (64, 96)


def write_images(root: Path, seed: int = 0) -> Path:
    """Six images with masks of two classes, as ``resume_helpers.tiny_config`` reads."""
    return _write(root, "png", 2, {"all": range(6)}, seed)


def write_animals(root: Path, seed: int = 1) -> Path:
    """Data set of ``configs/_base_/datasets/voc_animals.py``: 4 labelled, 8 without."""
    lists = {
        "unimatch183_labeled": range(4),
        "train_aug": range(12),
        "val": range(12, 15),
    }
    return _write(root, "jpg", 7, lists, seed)


def write_demo(root: Path, seed: int = 2) -> Path:
    """Data set of ``configs/_base_/datasets/demo.py``."""
    lists = {"labeled": range(4), "unlabeled": range(4, 12), "val": range(12, 15)}
    return _write(root, "png", 5, lists, seed, (64, 64))


def write_few(root: Path, seed: int = 3) -> Path:
    """Data set of the configs in ``golden/checkpoints``."""
    lists = {"labeled": range(3), "unlabeled": range(3, 8), "val": range(8, 10)}
    return _write(root, "png", 4, lists, seed, (32, 40))


def _write(
    root: Path,
    suffix: str,
    classes: int,
    lists: dict[str, range],
    seed: int,
    size: tuple[int, int] = SIZE,
) -> Path:
    """Write all images of some lists, and the lists.

    Args:
        root: The folder; left alone if it is there.
        suffix: Of the images. Their content is PNG, which every reader decodes to the
            same pixels; OpenCV looks at the content alone.
        classes: Number of classes.
        lists: Numbers of the images in each of them.
        seed: Decides on the content.
        size: (H, W) in pixels.
    """
    if root.is_dir():
        return root
    rng = np.random.default_rng(seed)
    for name in ("images", "masks", "splits"):
        (root / name).mkdir(parents=True)
    colours = rng.integers(0, 200, (classes, 3))
    for number in sorted({i for numbers in lists.values() for i in numbers}):
        mask = _mask(rng, size, classes, number)
        image = colours[mask % 255] + rng.integers(0, 56, (*size, 3))
        for name, array in ((f"images/{number:02d}.{suffix}", image), ("", mask)):
            path = root / (name or f"masks/{number:02d}.png")
            path.write_bytes(cv2.imencode(".png", array.astype(np.uint8))[1].tobytes())
    for name, numbers in lists.items():
        text = "\n".join(f"{number:02d}" for number in numbers)
        (root / "splits" / f"{name}.txt").write_text(text)
    return root


def _mask(
    rng: np.random.Generator, size: tuple[int, int], classes: int, number: int
) -> np.ndarray:
    """Two boxes of other classes on a background, and a row that does not count."""
    mask = np.zeros(size, np.int64)
    for label in (1 + number % (classes - 1), int(rng.integers(1, classes))):
        top, left = (int(rng.integers(0, n // 2)) for n in size)
        mask[top : top + size[0] // 2, left : left + size[1] // 2] = label
    mask[int(rng.integers(0, size[0]))] = 255
    return mask
