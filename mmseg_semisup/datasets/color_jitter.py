"""Low-level augmentation: colours and sharpness, one pass over the pixels each."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_semisup.core.errors import check_range

from .view_geometry import register_appearance

GREY = np.array([0.114, 0.587, 0.299])
"""Weights of blue, green and red."""
TO_YIQ = np.array([GREY, [-0.321, -0.275, 0.596], [0.311, -0.523, 0.212]])
"""Matrix from blue, green and red to luminance and the two axes of colour."""


@TRANSFORMS.register_module()
class ColorJitter(BaseTransform):
    """Random brightness, contrast, saturation and hue.

    All four are linear in the colours, so the pixels are multiplied by one matrix, in
    the order of the arguments and without clipping in between. Hue turns the colours
    around the grey axis, which keeps their luminance. (The four functions of
    ``mmcv.image``, one after the other, take 33 times as long and clip in between.)

    Args:
        brightness: Half width b; the factor is drawn from 1 - b to 1 + b.
        contrast: The same for the distance from the image's mean grey.
        saturation: The same for the distance from each pixel's grey.
        hue: Greatest angle h, in full turns; drawn from -h to h.
        prob: Probability of any change.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        brightness: float = 0.4,
        contrast: float = 0.4,
        saturation: float = 0.4,
        hue: float = 0.1,
        prob: float = 0.8,
    ) -> None:
        check_range("ColorJitter", 0, 1, brightness=brightness, contrast=contrast)
        check_range("ColorJitter", 0, 1, saturation=saturation, prob=prob)
        check_range("ColorJitter", 0, 0.5, hue=hue)
        self.strengths = (brightness, contrast, saturation)
        self.hue = hue
        self.prob = prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change the image; masks stay."""
        draws = np.random.uniform(-1, 1, 4)
        if np.random.random() < self.prob:
            brightness, contrast, saturation = 1 + draws[:3] * self.strengths
            matrix = color_matrix(
                results["img"], brightness, contrast, saturation, draws[3] * self.hue
            )
            results["img"] = cv2.transform(results["img"], matrix)
        return results


def color_matrix(
    image: np.ndarray, brightness: float, contrast: float, saturation: float, hue: float
) -> np.ndarray:
    """The affine map of colours that combines the four changes.

    Args:
        image: (H, W, 3), uint8, BGR; its mean grey is used.
        brightness: Factor.
        contrast: Factor.
        saturation: Factor.
        hue: Angle, in full turns.

    Returns:
        (3, 4), float64.
    """
    mean = brightness * float(GREY @ cv2.mean(image)[:3])
    desaturate = saturation * np.eye(3) + (1 - saturation) * np.tile(GREY, (3, 1))
    cos, sin = np.cos(2 * np.pi * hue), np.sin(2 * np.pi * hue)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    colors = np.linalg.solve(TO_YIQ, turn @ TO_YIQ) @ desaturate
    offset = colors @ np.full(3, (1 - contrast) * mean)
    return np.column_stack([brightness * contrast * colors, offset])


@TRANSFORMS.register_module()
class RandomGaussianBlur(BaseTransform):
    """Random blur.

    Args:
        kernel_size: Odd side of the kernel, in pixels.
        sigma: Least and greatest standard deviation, in pixels.
        prob: Probability of any change.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        kernel_size: int = 5,
        sigma: tuple[float, float] = (0.1, 2.0),
        prob: float = 0.5,
    ) -> None:
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(
                f"RandomGaussianBlur: kernel_size={kernel_size}; allowed: odd numbers"
            )
        if not 0 < sigma[0] <= sigma[1]:
            raise ValueError(
                f"RandomGaussianBlur: sigma={tuple(sigma)}; allowed: 0 < least <= "
                "greatest"
            )
        check_range("RandomGaussianBlur", 0, 1, prob=prob)
        self.kernel_size = kernel_size
        least, greatest = sigma
        self.sigma = (least, greatest)
        self.prob = prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Blur the image; masks stay."""
        sigma = np.random.uniform(*self.sigma)
        if np.random.random() < self.prob:
            kernel = (self.kernel_size, self.kernel_size)
            results["img"] = cv2.GaussianBlur(results["img"], kernel, sigma)
        return results


register_appearance(ColorJitter, RandomGaussianBlur)
