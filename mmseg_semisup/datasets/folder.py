"""Any folder of images with a folder of masks."""

from __future__ import annotations

import os.path as osp
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_semisup.annotation_files import Labels
from mmseg_semisup.core.palette import class_palette
from mmseg_semisup.core.text import shorten

from .annotated_masks import AnnotatedMasks
from .image_names import ImageNames
from .lists import IMAGE_SUFFIXES, MASK_SUFFIXES, read_ids, scan_folder, strip_suffix
from .mask_files import FIELD, ClassMap, MaskFiles, MaskSource
from .read_image import load


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
        seg_map_template: Path of a mask below the folder of masks, in place of the
            suffix: '{stem}_mask.png'. ``{id}`` is the path of the image below its
            folder, without suffix; ``{stem}`` its last part, ``{parent}`` what precedes
            it; ``{name}`` the file's name with suffix.
        mask_classes: What values or colours of masks stand for, if not for the classes'
            numbers: the names of 0, 1, ...; name to value or values; name to RGB
            colour or colours; 'palette': ``palette`` has the colours.
        annotations: File of COCO, or an export of Label Studio as JSON, in place of the
            folder of masks. Images that it lacks are left out.
        background: Class of pixels without annotation, or 'none': they are ignored;
            None: the first class, if it is called background or the like.
        class_map: Name in the masks to name of a class, or to None, which is ignored:
            classes are renamed, merged and left out. Names of classes need no entry;
            '*' stands for all other names.
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
        seg_map_template: str | None = None,
        mask_classes: Sequence[str] | Mapping[str, Any] | str | None = None,
        class_map: Mapping[str, str | None] | None = None,
        annotations: str | None = None,
        background: str | None = None,
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
        self.seg_map_template = seg_map_template
        self.annotated: AnnotatedMasks | None = None
        names = ClassMap(classes, class_map, ignore_index)
        if annotations is not None:
            if mask_classes is not None or seg_map_template is not None:
                raise ValueError(
                    "FolderDataset: annotations with mask_classes or seg_map_template, "
                    "which are about files of masks"
                )
            number = Labels.of(classes, palette, background).background
            rest = ignore_index if number is None else number
            path = osp.join(data_root or "", annotations)
            self.annotated = AnnotatedMasks(path, names, rest)
        elif background is not None:
            raise ValueError("FolderDataset: background needs annotations")
        files = self._mask_files(names, mask_classes, palette)
        self.mask_files: MaskSource | None = self.annotated or files
        if self.mask_files is not None and reduce_zero_label:
            raise ValueError(
                "FolderDataset: reduce_zero_label=True with mask_classes or class_map; "
                "class_map={NAME: None} ignores a class"
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

    def _mask_files(
        self,
        classes: ClassMap,
        mask_classes: Sequence[str] | Mapping[str, Any] | str | None,
        palette: Sequence[Sequence[int]],
    ) -> MaskSource | None:
        if self.annotated or (mask_classes is None and not classes.named):
            return None
        if mask_classes is None:
            raise ValueError(
                "FolderDataset: class_map needs mask_classes, the names that values or "
                "colours of the masks have"
            )
        return MaskFiles(mask_classes, classes, palette)

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """The files of an image, and how its mask is read."""
        info = super().get_data_info(idx)
        return info if self.mask_files is None else {**info, FIELD: self.mask_files}

    def prepare_data(self, idx: int) -> Any:
        """Run the transforms, for loops that do not do it by themselves."""
        if self.mask_files is None:
            return super().prepare_data(idx)
        results = self.get_data_info(idx)
        for step in self.pipeline.transforms:
            results = load(step, results)
        return results

    def mask_name(self, image: str) -> str:
        """Path of the mask of an image, by ``seg_map_template``.

        Args:
            image: Path of the image below its folder.

        Raises:
            ValueError: If the template has other parts.
        """
        suffixes = [self.img_suffix] if self.img_suffix else IMAGE_SUFFIXES
        key = strip_suffix(image, suffixes)
        parent, name = osp.split(image)
        parts = dict(id=key, stem=osp.basename(key), parent=parent, name=name)
        try:
            return osp.normpath(str(self.seg_map_template).format(**parts))
        except (AttributeError, IndexError, KeyError, ValueError) as error:
            raise ValueError(
                f"seg_map_template={self.seg_map_template!r}; allowed: a path with "
                "{id}, {stem}, {parent} and {name}"
            ) from error

    def _templated(
        self, images: dict[str, str], mask_folder: str, listed: bool
    ) -> dict[str, str]:
        """The masks of images that have one, by id."""
        found, first = {}, ""
        for key, image in images.items():
            name = self.mask_name(image)
            first = first or name
            if osp.isfile(osp.join(mask_folder, name)):
                found[key] = name
        if not found and not listed:
            raise ValueError(
                f"seg_map_template={self.seg_map_template!r}: none of {len(images)} "
                f"images has a mask in {mask_folder}; the first would be {first}"
            )
        return found

    def load_data_list(self) -> list[dict[str, Any]]:
        """Find the pairs."""
        image_folder = self._folder("img_path")
        mask_folder = "" if self.annotated else self._folder("seg_map_path")
        image_suffixes = [self.img_suffix] if self.img_suffix else IMAGE_SUFFIXES
        mask_suffixes = [self.seg_map_suffix] if self.seg_map_suffix else MASK_SUFFIXES
        images = scan_folder(image_folder, image_suffixes)
        if self.annotated:
            masks = self.annotated.find(ImageNames(image_folder, image_suffixes))
        elif self.seg_map_template:
            masks = self._templated(images, mask_folder, bool(self.ann_file))
        else:
            masks = scan_folder(mask_folder, mask_suffixes)
        for folder, found, suffixes in (
            (image_folder, images, image_suffixes),
            (mask_folder, masks, mask_suffixes),
        ):
            if not found and not (self.seg_map_template and found is masks):
                raise ValueError(
                    f"no file in {folder} ends with {shorten(suffixes, 9)}"
                )
        if self.ann_file:
            ids = [strip_suffix(i, image_suffixes) for i in read_ids(self.ann_file)]
            if not ids:
                raise ValueError(f"the list {self.ann_file} is empty")
        else:
            ids = list(masks)
        source = self.ann_file or mask_folder or image_folder
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
        if self.seg_map_suffix or self.seg_map_template or images.keys() & masks.keys():
            return ""
        for image in images:
            for mask, file in masks.items():
                if mask.startswith(image):
                    return (
                        f"; names of masks seem to end with {file[len(image) :]!r}: "
                        f"then set seg_map_suffix={file[len(image) :]!r}"
                    )
        return ""
