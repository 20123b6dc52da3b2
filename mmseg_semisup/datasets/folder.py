"""Any folder of images with a folder of masks."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_semisup.core.palette import class_palette
from mmseg_semisup.core.text import shorten

from .lists import IMAGE_SUFFIXES, MASK_SUFFIXES, read_ids, scan_folder, strip_suffix


@DATASETS.register_module()
class FolderDataset(BaseSegDataset):
    """Images and their masks in two folders; the files of a pair have the same name.

    A mask is a grey or palette image whose pixel values are the numbers of the classes,
    from 0 on. Without a list, every image that has a mask belongs to the dataset; the
    others are left out. Folders may have folders below them.

    Args:
        classes: Names of the classes, in the order of their numbers.
        data_root: Folder that the other paths are relative to.
        data_prefix: ``img_path`` and ``seg_map_path``, the two folders; ``images`` and
            ``masks`` if not given.
        ann_file: Text file of ids, one a line: names below the folder of images, with
            or without suffix. Empty: all pairs.
        palette: RGB colour of each class, 0..255; None:
            colours that differ as much as possible.
        img_suffix: Suffix of the images; None: any suffix of an image.
        seg_map_suffix: Suffix of the masks; None: ``.png`` or the suffix of another
            lossless format.
        ignore_index: Value of pixels that count neither in training nor in evaluation.
        reduce_zero_label: As in mmseg: 0 is ignored, and class c has the value c + 1.
        pipeline: Transforms.
        test_mode: As in mmseg.
        indices: As in mmseg.
        lazy_init: As in mmseg.

    Raises:
        ValueError: If a folder, the list, an image or a mask is missing.
    """

    def __init__(
        self,
        classes: Sequence[str],
        data_root: str | None = None,
        data_prefix: dict[str, Any] | None = None,
        ann_file: str = "",
        palette: Sequence[Sequence[int]] | None = None,
        img_suffix: str | None = None,
        seg_map_suffix: str | None = None,
        ignore_index: int = 255,
        reduce_zero_label: bool = False,
        pipeline: Sequence[dict[str, Any]] = (),
        test_mode: bool = False,
        indices: int | Sequence[int] | None = None,
        lazy_init: bool = False,
    ) -> None:
        if isinstance(classes, str) or not classes or len(set(classes)) < len(classes):
            raise ValueError(
                f"FolderDataset: classes={classes!r}; give a list of different names, "
                "e.g. classes=['background', 'road']"
            )
        if palette is None:
            # MMSegmentation would draw random colours, of which some are alike.
            palette = class_palette(list(classes))
        if len(palette) != len(classes):
            raise ValueError(
                f"FolderDataset: {len(palette)} colours in palette for "
                f"{len(classes)} classes"
            )
        metainfo: dict[str, Any] = {
            "classes": tuple(classes),
            "palette": [list(color) for color in palette],
        }
        super().__init__(
            ann_file=ann_file,
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            metainfo=metainfo,
            data_root=data_root,
            data_prefix=data_prefix or {"img_path": "images", "seg_map_path": "masks"},
            ignore_index=ignore_index,
            reduce_zero_label=reduce_zero_label,
            pipeline=list(pipeline),
            test_mode=test_mode,
            indices=indices,
            lazy_init=lazy_init,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Find the pairs."""
        image_folder = self._folder("img_path")
        mask_folder = self._folder("seg_map_path")
        image_suffixes = [self.img_suffix] if self.img_suffix else IMAGE_SUFFIXES
        mask_suffixes = [self.seg_map_suffix] if self.seg_map_suffix else MASK_SUFFIXES
        images = scan_folder(image_folder, image_suffixes)
        masks = scan_folder(mask_folder, mask_suffixes)
        for folder, found, suffixes in (
            (image_folder, images, image_suffixes),
            (mask_folder, masks, mask_suffixes),
        ):
            if not found:
                raise ValueError(
                    f"no file in {folder} ends with {shorten(suffixes, 9)}"
                )
        if self.ann_file:
            ids = [strip_suffix(i, image_suffixes) for i in read_ids(self.ann_file)]
            if not ids:
                raise ValueError(f"the list {self.ann_file} is empty")
        else:
            ids = list(masks)
        source = self.ann_file or mask_folder
        for folder, found, word in (
            (image_folder, images, "image"),
            (mask_folder, masks, "mask"),
        ):
            missing = [i for i in ids if i not in found]
            if missing:
                raise ValueError(
                    f"{source}: no {word} in {folder} for {shorten(missing)}"
                    + self._suffix_hint(images, masks)
                )
        return [
            {
                "img_path": osp.join(image_folder, images[i]),
                "seg_map_path": osp.join(mask_folder, masks[i]),
                "label_map": self.label_map,
                "reduce_zero_label": self.reduce_zero_label,
                "seg_fields": [],
            }
            for i in ids
        ]

    def _folder(self, key: str) -> str:
        folder = self.data_prefix.get(key)
        if folder is None:
            raise ValueError(f"FolderDataset: data_prefix has no {key!r}")
        if not osp.isdir(folder):
            raise ValueError(f"there is no folder {folder} (data_prefix.{key})")
        return folder

    def _suffix_hint(self, images: dict[str, str], masks: dict[str, str]) -> str:
        """Advice for masks whose names are those of the images plus an ending."""
        if self.seg_map_suffix or images.keys() & masks.keys():
            return ""
        for image in images:
            for mask, file in masks.items():
                if mask.startswith(image):
                    return (
                        f"; names of masks seem to end with {file[len(image) :]!r}: "
                        f"then set seg_map_suffix={file[len(image) :]!r}"
                    )
        return ""
