"""Applies random transforms and finds their homographies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mmcv.transforms import (
    BaseTransform,
    CenterCrop,
    KeyMapper,
    Pad,
    RandomApply,
    RandomChoice,
    RandomChoiceResize,
    RandomFlip,
    RandomGrayscale,
    RandomResize,
    Resize,
)
from mmcv.transforms.utils import cache_random_params
from mmseg.datasets import transforms as mmseg_transforms

Tracker = Callable[[BaseTransform, dict[str, Any]], tuple[dict[str, Any], np.ndarray]]
TRACKERS: dict[type, Tracker] = {}


def register_geometry(*transforms: type) -> Callable[[Tracker], Tracker]:
    """Register a function that applies a transform and finds its homography.

    The decorated function takes the transform and the results of a pipeline; it returns
    the transformed results and a (3, 3) float64 array from old to new pixel coordinates
    (x right, y down, pixel centres at integers).
    """

    def register(tracker: Tracker) -> Tracker:
        TRACKERS.update(dict.fromkeys(transforms, tracker))
        return tracker

    return register


def find_tracker(transform: BaseTransform) -> Tracker:
    """The registered function of a transform's class, or of its nearest base class.

    Raises:
        ValueError: If there is none; the message says how to register one.
    """
    for cls in type(transform).__mro__:
        if cls in TRACKERS:
            return TRACKERS[cls]
    raise ValueError(
        f"MultiView cannot follow the geometry of {type(transform).__name__}; register "
        "it with mmseg_semisup.datasets.register_geometry, or with "
        "register_appearance if it moves no pixel"
    )


def register_appearance(*transforms: type) -> None:
    """Register transforms that do not move any pixel."""
    TRACKERS.update(dict.fromkeys(transforms, _appearance))


def moves_pixels(cls: type) -> bool | None:
    """Whether a transform changes the geometry of an image; None: it is not known.

    ``Pad`` counts as geometry, for the views of an image need one size.

    Args:
        cls: Class of the transform.
    """
    for base in cls.__mro__:
        if base in TRACKERS:
            return base is Pad or TRACKERS[base] is not _appearance
    return None


def _appearance(
    transform: BaseTransform, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    return transform(results), np.eye(3)


def _mmseg(*names: str) -> list[type]:
    """Those of some transforms that the installed version of mmseg has."""
    found = (getattr(mmseg_transforms, name, None) for name in names)
    return [cls for cls in found if cls is not None]


register_appearance(
    Pad,  # at the right and bottom
    RandomGrayscale,
    *_mmseg(
        "PhotoMetricDistortion",
        "CLAHE",
        "AdjustGamma",
        "RGB2Gray",
        "Rerange",
        "RandomCutOut",
        "BioMedicalGaussianNoise",
        "BioMedicalGaussianBlur",
    ),
)


@register_geometry(
    Resize,
    RandomResize,
    RandomChoiceResize,
    *_mmseg("ResizeToMultiple", "ResizeShortestEdge"),
)
def _resize(
    transform: BaseTransform, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    height, width = results["img"].shape[:2]
    results = transform(results)
    sy, sx = (n / o for n, o in zip(results["img"].shape, (height, width)))  # noqa: B905
    matrix = [[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]]
    return results, np.array(matrix)


@register_geometry(RandomFlip)
def _flip(
    transform: BaseTransform, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    results = transform(results)
    height, width = results["img"].shape[:2]
    matrix = np.eye(3)
    if results["flip"]:
        if results["flip_direction"] in ("horizontal", "diagonal"):
            matrix[0] = [-1, 0, width - 1]
        if results["flip_direction"] in ("vertical", "diagonal"):
            matrix[1] = [0, -1, height - 1]
    return results, matrix


@register_geometry(*_mmseg("RandomCrop"))
def _crop(
    transform: BaseTransform, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    with cache_random_params(transform):
        top, _, left, _ = transform.crop_bbox(results)
        results = transform(results)
    return results, np.array([[1.0, 0, -left], [0, 1, -top], [0, 0, 1]])


@register_geometry(CenterCrop)
def _center_crop(
    transform: BaseTransform, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    height, width = results["img"].shape[:2]
    results = transform(results)
    new_height, new_width = results["img"].shape[:2]
    top = max(0, round((height - new_height) / 2))  # as mmcv rounds
    left = max(0, round((width - new_width) / 2))
    return results, np.array([[1.0, 0, -left], [0, 1, -top], [0, 0, 1]])


@register_geometry(*_mmseg("RandomRotate"))
def _rotate(
    transform: BaseTransform, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    height, width = results["img"].shape[:2]
    with cache_random_params(transform):
        rotates, degree = transform.generate_degree()
        results = transform(results)
    matrix = np.eye(3)
    if rotates:
        cx, cy = transform.center or ((width - 1) / 2, (height - 1) / 2)
        matrix = _rotation(degree, cx, cy)
        if transform.auto_bound:
            cos, sin = abs(matrix[0, 0]), abs(matrix[1, 0])
            matrix[0, 2] += (height * sin + width * cos - width) / 2
            matrix[1, 2] += (height * cos + width * sin - height) / 2
    return results, matrix


@register_geometry(*_mmseg("RandomRotFlip"))
def _rotate_or_flip(
    transform: BaseTransform, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    # The same draws as in its `transform`, which returns none of them.
    matrix = np.eye(3)
    height, width = results["img"].shape[:2]
    draws = np.random.RandomState()
    rotates = np.random.random() < transform.rotate_prob
    draws.set_state(np.random.get_state())
    if rotates:
        results = transform.random_rotate(results)
        angle = draws.uniform(min(transform.degree), max(transform.degree))
        matrix = _rotation(angle, (width - 1) / 2, (height - 1) / 2)
    if np.random.random() < transform.flip_prob and not rotates:
        draws.set_state(np.random.get_state())
        results = transform.random_rot_flip(results)
        for _ in range(draws.randint(0, 4)):
            matrix = np.array([[0.0, 1, 0], [-1, 0, width - 1], [0, 0, 1]]) @ matrix
            height, width = width, height
        axis = draws.randint(0, 2)
        flip = np.eye(3)
        flip[1 - axis] = [[-1, 0, width - 1], [0, -1, height - 1]][1 - axis]
        matrix = flip @ matrix
    return results, matrix


def _rotation(degree: float, cx: float, cy: float) -> np.ndarray:
    """Homography of a clockwise rotation about (cx, cy)."""
    radians = np.deg2rad(degree)  # clockwise, in coordinates with y down
    cos, sin = np.cos(radians), np.sin(radians)
    return np.array(
        [
            [cos, -sin, cx - cos * cx + sin * cy],
            [sin, cos, cy - sin * cx - cos * cy],
            [0, 0, 1],
        ]
    )


@register_geometry(RandomApply)
def _apply(
    transform: RandomApply, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    if transform.random_apply():
        return apply_tracked(transform.transforms.transforms, results)
    return results, np.eye(3)


@register_geometry(RandomChoice)
def _choice(
    transform: RandomChoice, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    chosen = transform.transforms[transform.random_pipeline_index()]
    return apply_tracked(chosen.transforms, results)


@register_geometry(KeyMapper)
def _mapped(
    transform: KeyMapper, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    for part in transform.transforms.transforms:
        if moves_pixels(type(part)) is not False:
            raise ValueError(
                f"MultiView cannot follow the geometry of {type(part).__name__} in a "
                f"{type(transform).__name__}; use it by itself"
            )
    return transform(results), np.eye(3)


def apply_tracked(
    transforms: list[BaseTransform], results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    """Apply transforms in order; return the results and their joint homography."""
    matrix = np.eye(3)
    for transform in transforms:
        results, step = find_tracker(transform)(transform, results)
        matrix = step @ matrix
    return results, matrix
