"""Crops that show the class by which their image was drawn."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets.transforms import RandomCrop
from mmseg.registry import TRANSFORMS

DRAWN = "drawn_class"
"""Key of the results of a pipeline: the class; it is missing if none was drawn."""


@TRANSFORMS.register_module()
class RareClassCrop(RandomCrop):
    """``RandomCrop`` that shows a pixel of the class by which the image was drawn.

    ``SourceSampler(rare_classes=...)`` draws the class. One of its pixels is drawn, and
    then one of the crops that contain it, each with the same probability. DAFormer
    (Hoyer et al., CVPR 2022) tries up to ten random crops instead, until one has enough
    pixels of the class. ``cat_max_ratio`` counts for images that were not drawn; they,
    and images without a mask, are cropped as by ``RandomCrop``.

    Args:
        crop_size: Height and width in pixels, or one number for both.
        cat_max_ratio: As in ``RandomCrop``.
        ignore_index: As in ``RandomCrop``.
    """

    # The decorator below appends to the base's own list otherwise.
    _methods_with_randomness: ClassVar[list[str]] = []

    def __init__(
        self,
        crop_size: int | tuple[int, int],
        cat_max_ratio: float = 1.0,
        ignore_index: int = 255,
    ) -> None:
        super().__init__(crop_size, cat_max_ratio, ignore_index)

    @cache_randomness
    def crop_bbox(self, results: dict[str, Any]) -> tuple[int, int, int, int]:
        """Top, bottom, left and right of the crop, in pixels."""
        label, mask = results.get(DRAWN), results.get("gt_seg_map")
        places = () if label is None or mask is None else np.flatnonzero(mask == label)
        if mask is None or len(places) == 0:
            box: tuple[int, int, int, int] = super().crop_bbox(results)
            return box
        place = places[np.random.randint(len(places))]
        spans = []
        pixel = np.unravel_index(place, mask.shape)
        for at, side, crop in zip(pixel, mask.shape, self.crop_size, strict=True):
            last = max(side - crop, 0)
            first = np.random.randint(max(at - crop + 1, 0), min(at, last) + 1)
            spans += [int(first), int(first) + crop]
        return spans[0], spans[1], spans[2], spans[3]
