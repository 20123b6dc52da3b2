"""COCO 2017 with 81 classes: background and 80 kinds of objects."""

from __future__ import annotations

from typing import Any

from mmseg.datasets import BaseSegDataset, COCOStuffDataset
from mmseg.registry import DATASETS

from mmseg_semisup.core.palette import class_palette

OBJECTS = 80
"""They are the first classes of COCO-Stuff, in the order of COCO's categories."""
CLASSES = ("background", *COCOStuffDataset.METAINFO["classes"][:OBJECTS])


@DATASETS.register_module()
class COCOObjectsDataset(BaseSegDataset):
    """COCO with masks of background, 0, and 80 objects, 1 to 80.

    UniMatch and UniMatch V2 train with these classes; mmseg's ``COCOStuffDataset`` has
    171, without a background.

    Args:
        img_suffix: Suffix of the images.
        seg_map_suffix: Suffix of the masks.
        kwargs: As in mmseg.
    """

    METAINFO = {"classes": CLASSES, "palette": class_palette(CLASSES)}

    def __init__(
        self, img_suffix: str = ".jpg", seg_map_suffix: str = ".png", **kwargs: Any
    ) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)
