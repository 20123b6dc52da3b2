"""Seven classes of PASCAL VOC 2012: background, five animals, and people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS


@DATASETS.register_module()
class VOCAnimalsDataset(BaseSegDataset):
    """Images of VOC 2012 that show an animal; every other class is ignored.

    Args:
        ann_file: Text file of ids.
        data_root: Folder that the other paths are relative to.
        data_prefix: ``img_path`` and ``seg_map_path``.
        pipeline: Transforms.
        test_mode: As in mmseg.
        indices: As in mmseg.
    """

    METAINFO = {
        "classes": ("background", "cat", "cow", "dog", "horse", "sheep", "person"),
        "palette": [
            [0, 0, 0],
            [64, 0, 0],
            [64, 128, 0],
            [64, 0, 128],
            [192, 0, 128],
            [128, 64, 0],
            [192, 128, 128],
        ],
    }

    def __init__(
        self,
        ann_file: str,
        data_root: str | None = None,
        data_prefix: dict[str, Any] | None = None,
        pipeline: Sequence[dict[str, Any]] = (),
        test_mode: bool = False,
        indices: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(
            img_suffix=".jpg",
            seg_map_suffix=".png",
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=data_prefix or {"img_path": "images", "seg_map_path": "masks"},
            pipeline=list(pipeline),
            test_mode=test_mode,
            indices=indices,
        )
