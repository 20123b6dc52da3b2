"""RandAugment for images with label maps, with one warp and few passes over pixels.

Cubuk et al.: RandAugment, CVPR workshops 2020, https://arxiv.org/abs/1909.13719. The
operations and their strengths are those of the code of Ke et al., A Three-Stage
Self-Training Framework (https://github.com/RK621/
ThreeStageSelftraining_SemanticSegmentation, commit e9b941d).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_semisup.core.errors import check_range

from .rand_augment_appearance import Appearance
from .view_geometry import register_geometry

GEOMETRIC = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
OPERATIONS = (
    "identity",
    "autocontrast",
    "equalize",
    "posterize",
    "solarize",
    "color",
    "contrast",
    "brightness",
    "sharpness",
    *GEOMETRIC,
)
LEVELS = 10
INTERPOLATIONS = {"nearest": cv2.INTER_NEAREST, "bilinear": cv2.INTER_LINEAR}


class Operation(NamedTuple):
    """One drawn operation.

    Attributes:
        name: One of ``OPERATIONS``.
        value: Degrees (counter-clockwise), shear, pixels (to the right or down), bits,
            threshold or factor; 0 where there is nothing to choose.
    """

    name: str
    value: float


def strength(name: str, level: int, sign: int) -> float:
    """The value of an operation.

    Args:
        name: One of ``OPERATIONS``.
        level: 0 to 10.
        sign: 1 or -1; only geometric operations have a direction.
    """
    share = level / LEVELS
    if name == "rotate":
        return sign * int(30 * share)
    if name in ("shear_x", "shear_y"):
        return sign * 0.3 * share
    if name in ("translate_x", "translate_y"):
        return sign * int(10 * share)
    if name == "posterize":
        return 4 - int(4 * share)
    if name == "solarize":
        return 256 - int(256 * share)
    if name in ("color", "contrast", "brightness", "sharpness"):
        return 0.1 + 1.8 * share
    return 0.0


@TRANSFORMS.register_module()
class RandAugment(BaseTransform):
    """Applies random operations: rotation, shear, translation, and changes of colours.

    Colours change first, in the order drawn; then all geometric operations are one warp
    of the image and of every label map. A nearest-pixel warp and changes of single
    pixels commute, so this differs from the drawn order only in the statistics that
    some changes of colour need: here they exclude the border that a warp exposes.

    ``MultiView`` records the geometry. In the border that the warp exposes, images get
    ``fill`` and label maps ``seg_pad_val``.

    Args:
        num_ops: Number of operations to draw, with replacement.
        prob: Probability that a drawn operation is applied.
        levels: Least and greatest strength, within 0 to 10, both included.
        operations: Names of the operations to draw from.
        interpolation: Interpolation of the image: 'nearest', as in the published code,
            or 'bilinear'. Label maps always take the nearest pixel.
        fill: Grey value of pixels without a source, in 0..255.
        seg_pad_val: Label of pixels without a source, the ignored label of the data
            set.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        num_ops: int = 3,
        prob: float = 0.5,
        levels: tuple[int, int] = (1, 9),
        operations: Sequence[str] = OPERATIONS,
        interpolation: str = "nearest",
        fill: int = 127,
        seg_pad_val: int = 255,
    ) -> None:
        check_range("RandAugment", 0, num_ops=num_ops)
        check_range("RandAugment", 0, 1, prob=prob)
        if len(levels) != 2 or not 0 <= levels[0] <= levels[1] <= LEVELS:
            raise ValueError(
                f"RandAugment: levels={tuple(levels)}; allowed: 0 <= least <= greatest "
                f"<= {LEVELS}"
            )
        unknown = sorted(set(operations) - set(OPERATIONS))
        if unknown or not operations:
            raise ValueError(
                f"RandAugment: operations={tuple(operations)}; allowed: one or more of "
                f"{OPERATIONS}"
            )
        if interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"RandAugment: interpolation={interpolation!r}; allowed: "
                f"{tuple(INTERPOLATIONS)}"
            )
        check_range("RandAugment", 0, 255, fill=fill)
        self.num_ops = num_ops
        self.prob = prob
        self.levels = tuple(levels)
        self.operations = tuple(operations)
        self.interpolation = interpolation
        self.fill = fill
        self.seg_pad_val = seg_pad_val

    def draw(self) -> list[Operation]:
        """Draw the operations of one image, from numpy's global generator."""
        names = np.random.randint(len(self.operations), size=self.num_ops)
        levels = np.random.randint(self.levels[0], self.levels[1] + 1, self.num_ops)
        applied = np.random.rand(self.num_ops) < self.prob
        signs = np.random.randint(2, size=self.num_ops) * 2 - 1
        return [
            Operation(name, strength(name, int(level), int(sign)))
            for name, level, sign in zip(
                (self.operations[i] for i in names[applied]),
                levels[applied],
                signs[applied],
                strict=True,
            )
        ]

    def apply(
        self, results: dict[str, Any], operations: Sequence[Operation]
    ) -> np.ndarray:
        """Apply drawn operations to the image and label maps of ``results``.

        Returns:
            Homography from old to new pixel coordinates, (3, 3), float64.
        """
        height, width = results["img"].shape[:2]
        image = Appearance(results["img"])
        matrix = np.eye(3)
        for name, value in operations:
            if name in GEOMETRIC:
                matrix = affine(name, value, height, width) @ matrix
            elif name != "identity":
                image.apply(name, value)
        results["img"] = image.result()
        if not np.array_equal(matrix, np.eye(3)):
            results["img"] = warp_affine(
                results["img"],
                matrix,
                INTERPOLATIONS[self.interpolation],
                (self.fill,) * 3,
            )
            for key in results.get("seg_fields", ()):
                results[key] = warp_affine(
                    results[key], matrix, cv2.INTER_NEAREST, self.seg_pad_val
                )
        return matrix

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw operations and apply them."""
        self.apply(results, self.draw())
        return results


@register_geometry(RandAugment)
def _track(
    transform: RandAugment, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    matrix = transform.apply(results, transform.draw())
    return results, matrix


def affine(name: str, value: float, height: int, width: int) -> np.ndarray:
    """Matrix from old to new pixel coordinates, (3, 3), float64.

    Pixel centres are at integers. As in Pillow, rotations are about the middle of the
    image, shears about its upper left corner: the new image reads the old one at
    ``x + value * y``.
    """
    matrix = np.eye(3)
    if name == "rotate":
        cos, sin = math.cos(math.radians(value)), math.sin(math.radians(value))
        cx, cy = (width - 1) / 2, (height - 1) / 2
        matrix[0] = [cos, sin, cx - cos * cx - sin * cy]
        matrix[1] = [-sin, cos, cy + sin * cx - cos * cy]
    elif name == "shear_x":
        matrix[0, 1:] = -value, -value / 2
    elif name == "shear_y":
        matrix[1] = -value, 1, -value / 2
    elif name == "translate_x":
        matrix[0, 2] = value
    elif name == "translate_y":
        matrix[1, 2] = value
    return matrix


def warp_affine(
    array: np.ndarray,
    matrix: np.ndarray,
    interpolation: int,
    fill: float | tuple[float, ...],
) -> np.ndarray:
    """Warp (H, W) or (H, W, 3), uint8, by an affine map, without change of size."""
    height, width = array.shape[:2]
    return cv2.warpAffine(
        array,
        matrix[:2],
        (width, height),
        flags=interpolation,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=fill,
    )
