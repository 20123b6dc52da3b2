"""RandAugment and Cutout one operation after the other, with Pillow.

The plain version that the package's is compared with. As a script it measures both:
``python tests/sequential_augment.py``.
"""

from __future__ import annotations

import time

import cv2
import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from mmseg_semisup.datasets import Cutout, RandAugment

AFFINE = Image.Transform.AFFINE


def geometric(name, value, picture, fill):
    size = picture.size
    if name == "rotate":
        return picture.rotate(value, fillcolor=fill)
    coefficients = {
        "shear_x": (1, value, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, value, 1, 0),
        "translate_x": (1, 0, -value, 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, -value),
    }[name]
    return picture.transform(size, AFFINE, coefficients, fillcolor=fill)


def appearance(name, value, picture):
    if name == "autocontrast":
        return ImageOps.autocontrast(picture)
    if name == "equalize":
        return ImageOps.equalize(picture)
    if name == "posterize":
        return ImageOps.posterize(picture, int(value))
    if name == "solarize":
        return ImageOps.solarize(picture, int(value))
    if name == "identity":
        return picture
    return getattr(ImageEnhance, name.capitalize())(picture).enhance(value)


def rand_augment(image, mask, operations):
    """Image (H, W, 3), BGR, and mask (H, W), both uint8; returns the same."""
    picture, labels = Image.fromarray(image[..., ::-1]), Image.fromarray(mask)
    for name, value in operations:
        if name.startswith(("rotate", "shear", "translate")):
            picture = geometric(name, value, picture, (127, 127, 127))
            labels = geometric(name, value, labels, 255)
        else:
            picture = appearance(name, value, picture)
    return np.asarray(picture)[..., ::-1].copy(), np.asarray(labels)


def cutout(image, num_holes=3, size=32):
    height, width = image.shape[:2]
    for _ in range(num_holes):
        y, x = np.random.randint(height), np.random.randint(width)
        top, left = max(0, y - size // 2), max(0, x - size // 2)
        image[top : y + size // 2, left : x + size // 2] = 127
    return image


def photo(height, width, seed=0):
    """A smooth random image, uint8, and a mask with an ignored border."""
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(
        rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (9, 9), 3
    )
    image = cv2.normalize(image, None, 10, 230, cv2.NORM_MINMAX)
    mask = (image[..., 0] > 120).astype(np.uint8)
    mask[:5] = 255
    return image, mask


def measure(height=321, width=321, samples=400):
    """Seconds a sample of the plain version, and of the package's."""
    transform, holes = RandAugment(), Cutout()
    image, mask = photo(height, width)
    np.random.seed(0)
    drawn = [transform.draw() for _ in range(samples)]
    start = time.perf_counter()
    for operations in drawn:
        cutout(rand_augment(image, mask, operations)[0])
    middle = time.perf_counter()
    for _ in drawn:
        results = {
            "img": image.copy(),
            "gt_seg_map": mask,
            "seg_fields": ["gt_seg_map"],
        }
        holes.transform(transform.transform(results))
    end = time.perf_counter()
    return (middle - start) / samples, (end - middle) / samples


if __name__ == "__main__":
    cv2.setNumThreads(0)
    measure(samples=20)
    for size in ((321, 321), (256, 512)):
        plain, fast = (
            sorted(times)[2] * 1e3
            for times in zip(*(measure(*size) for _ in range(5)), strict=True)
        )
        print(
            f"{size[0]}x{size[1]}: one after the other {plain:.3f} ms a sample, "
            f"RandAugment and Cutout {fast:.3f} ms, {plain / fast:.1f} times as fast"
        )
