"""Random changes of colours and sharpness, as many as are drawn (AugSeg)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_semisup.core.errors import check_range

from .rand_augment_appearance import Appearance
from .view_geometry import register_appearance

OPERATIONS = (
    "identity",
    "autocontrast",
    "equalize",
    "blur",
    "contrast",
    "brightness",
    "color",
    "sharpness",
    "posterize",
    "solarize",
    "hue",
)
FACTORS = (0.05, 0.95)
SIGMAS = (0.1, 2.0)
"""Standard deviations of the blur, in pixels."""


@TRANSFORMS.register_module()
class RandomIntensity(BaseTransform):
    """Applies one to several random changes of colours or sharpness.

    Zhao et al., AugSeg, CVPR 2023, https://arxiv.org/abs/2212.04976, section 3.2: the
    number of changes is uniform, they are drawn with replacement, and their strengths
    are uniform, without a schedule. The ranges are those of the authors' code.

    Args:
        max_ops: Greatest number of changes, at least 1.

    Raises:
        ValueError: If it is below 1.
    """

    def __init__(self, max_ops: int = 3) -> None:
        check_range("RandomIntensity", 1, max_ops=max_ops)
        self.max_ops = max_ops

    def draw(self) -> list[tuple[str, float]]:
        """Draw names of ``OPERATIONS`` and their strengths, from numpy's generator."""
        count = np.random.randint(1, self.max_ops + 1)
        names = np.random.randint(len(OPERATIONS), size=count)
        return [(OPERATIONS[i], strength(OPERATIONS[i])) for i in names]

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw the changes and apply them in that order; masks stay."""
        image = Appearance(results["img"])
        for name, value in self.draw():
            if name == "blur":
                # A kernel that holds three standard deviations.
                blurred = cv2.GaussianBlur(image.result(), (13, 13), value)
                image = Appearance(blurred)
            elif name == "hue":
                image = Appearance(turned(image.result(), value))
            elif name != "identity":
                image.apply(name, value)
        results["img"] = image.result()
        return results


register_appearance(RandomIntensity)


def strength(name: str) -> float:
    """Draw the value of a change.

    Args:
        name: One of ``OPERATIONS``.

    Returns:
        A factor, a standard deviation, a number of bits to keep, 4 to 7, a threshold,
        0 to 255, or an angle in turns; 0 where there is nothing to choose.
    """
    share = float(np.random.rand())
    if name in ("contrast", "brightness", "color", "sharpness"):
        return FACTORS[0] + (FACTORS[1] - FACTORS[0]) * share
    if name == "blur":
        return SIGMAS[0] + (SIGMAS[1] - SIGMAS[0]) * share
    if name == "posterize":
        return 4 + int(4 * share)
    if name == "solarize":
        return 1 + int(255 * share)
    return share - 0.5 if name == "hue" else 0.0


def turned(image: np.ndarray, turns: float) -> np.ndarray:
    """Turn the hue of an image, (H, W, 3), uint8, BGR, by an angle in full turns."""
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV_FULL)
    # The addition of 8 bits goes around the circle.
    hsv[..., 0] += np.uint8(int(turns * 255) % 256)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR_FULL)
