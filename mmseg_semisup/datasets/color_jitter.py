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
FRACTION = 256
"""Steps of the weights of OpenCV's blur of 8 bits."""
TO_YIQ = np.array([GREY, [-0.321, -0.275, 0.596], [0.311, -0.523, 0.212]])
"""Matrix from blue, green and red to luminance and the two axes of colour."""


@TRANSFORMS.register_module()
class ColorJitter(BaseTransform):
    """Random brightness, contrast, saturation and hue.

    All four are linear in the colours, so the pixels are multiplied by one matrix, in
    the order of the arguments and without clipping in between. Hue turns the colours
    around the grey axis, which keeps their luminance. (The four functions of
    ``mmcv.image``, one after the other, take 33 times as long and clip in between.)

    Images of other than three channels have no colours: saturation and hue stay.

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

    def draw(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Draw a :func:`color_map`; None: the image stays."""
        factors = self._draw()
        return None if factors is None else color_map(*factors)

    def _draw(self) -> tuple[float, float, float, float] | None:
        draws = np.random.uniform(-1, 1, 4)
        if np.random.random() >= self.prob:
            return None
        brightness, contrast, saturation = 1 + draws[:3] * self.strengths
        return brightness, contrast, saturation, draws[3] * self.hue

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change the image; masks stay."""
        factors = self._draw()
        image = results["img"]
        if factors is not None and (image.ndim < 3 or image.shape[2] != 3):
            results["img"] = _of_channels(image, *factors[:2])
        elif factors is not None:
            colors, offset = color_map(*factors)
            mean = float(GREY @ cv2.mean(results["img"])[:3])
            matrix = np.column_stack([colors, offset * mean])
            results["img"] = cv2.transform(results["img"], matrix)
        return results


def _of_channels(image: np.ndarray, brightness: float, contrast: float) -> np.ndarray:
    """Brightness, and contrast with the mean of each channel, of other channels."""
    mean = image.mean(axis=(0, 1), keepdims=True, dtype=np.float64)
    offset = ((1 - contrast) * brightness * mean).astype(np.float32)
    changed = image * np.float32(brightness * contrast) + offset
    if image.dtype == np.uint8:
        return changed.round().clip(0, 255).astype(np.uint8)
    return changed.astype(image.dtype)


def color_map(
    brightness: float, contrast: float, saturation: float, hue: float
) -> tuple[np.ndarray, np.ndarray]:
    """The affine map of colours that combines the four changes.

    Args:
        brightness: Factor.
        contrast: Factor.
        saturation: Factor.
        hue: Angle, in full turns.

    Returns:
        (3, 3), float64, the linear part, for blue, green and red; and (3,), float64,
        the constant for an image whose mean grey is 1.
    """
    desaturate = saturation * np.eye(3) + (1 - saturation) * np.tile(GREY, (3, 1))
    cos, sin = np.cos(2 * np.pi * hue), np.sin(2 * np.pi * hue)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    colors = np.linalg.solve(TO_YIQ, turn @ TO_YIQ) @ desaturate
    offset = colors @ np.full(3, (1 - contrast) * brightness)
    return brightness * contrast * colors, offset


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

    def draw(self) -> float | None:
        """Draw a standard deviation in pixels; None: the image stays."""
        sigma = np.random.uniform(*self.sigma)
        return sigma if np.random.random() < self.prob else None

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Blur the image; masks stay."""
        sigma = self.draw()
        if sigma is not None:
            size = self.kernel_size
            if results["img"].dtype == np.uint8:
                size = needed_size(size, sigma)
            if size > 1:
                image = results["img"]
                results["img"] = cv2.GaussianBlur(image, (size, size), sigma)
        return results


def blur_weights(size: int, sigma: float) -> np.ndarray:
    """Weights of OpenCV's Gaussian blur of 8 bits, as whole numbers.

    OpenCV rounds from the border inwards, and carries the rounding errors on; the
    middle gets what is left.

    Args:
        size: Number of weights, odd.
        sigma: Standard deviation in pixels.

    Returns:
        (size,), int64; their sum is ``FRACTION``.
    """
    half = size // 2
    exact = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    exact *= FRACTION / exact.sum()
    weights = np.zeros(size, np.int64)
    error = 0.0
    for i, value in enumerate(exact[:half].tolist()):
        weights[i] = rounded = round(value + error)
        error += value - rounded
    weights[half + 1 :] = weights[:half][::-1]
    weights[half] = FRACTION - weights.sum()
    return weights


def needed_size(size: int, sigma: float) -> int:
    """The smallest kernel that blurs 8 bits in the same way, without its zeros.

    Args:
        size: Number of weights, odd.
        sigma: Standard deviation in pixels.
    """
    weights = blur_weights(size, sigma)
    zeros = int(np.flatnonzero(weights)[0])
    while zeros and not np.array_equal(
        blur_weights(size - 2 * zeros, sigma), weights[zeros:-zeros]
    ):
        zeros -= 1
    return size - 2 * zeros


register_appearance(ColorJitter, RandomGaussianBlur)
