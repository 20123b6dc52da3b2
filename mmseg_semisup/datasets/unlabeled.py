"""A dataset of images without masks."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from .lists import IMAGE_SUFFIXES, read_ids, scan_folder, strip_suffix


@DATASETS.register_module()
class UnlabeledDataset(BaseSegDataset):
    """A folder of images, or a list of them. Masks are never searched.

    Args:
        data_root: Folder that the other paths are relative to.
        data_prefix: ``dict(img_path=...)``: the folder, which is searched with all its
            subfolders.
        ann_file: Text file of ids, one a line: paths below the folder, with the suffix
            or without. Empty: all images of the folder.
        exclude: Text file of ids to leave out, or several, e.g. the labelled list. Ids
            are compared without suffix. Within ``SemiDataset``, ``'source:labeled'``
            leaves out the images of that source.
        img_suffix: Suffix of the images, or several; case does not matter. An id is the
            name without it.
        pipeline: Transforms.
        metainfo: As in mmseg; not needed.

    Raises:
        ValueError: If the folder, a list or an image is missing, or nothing is left.
    """

    def __init__(
        self,
        data_root: str | None = None,
        data_prefix: dict[str, Any] | None = None,
        ann_file: str = "",
        exclude: str | Sequence[str] = (),
        img_suffix: str | Sequence[str] = IMAGE_SUFFIXES,
        pipeline: Sequence[dict[str, Any]] = (),
        metainfo: dict[str, Any] | None = None,
        lazy_init: bool = False,
    ) -> None:
        exclude = [exclude] if isinstance(exclude, str) else list(exclude)
        if data_root is not None:
            exclude = [osp.join(data_root, name) for name in exclude]
        self.exclude = exclude
        suffixes = [img_suffix] if isinstance(img_suffix, str) else img_suffix
        self.suffixes = tuple(suffix.lower() for suffix in suffixes)
        super().__init__(
            ann_file=ann_file,
            metainfo=metainfo,
            data_root=data_root,
            data_prefix=data_prefix or {"img_path": ""},
            pipeline=list(pipeline),
            lazy_init=lazy_init,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Find the images."""
        folder = self.data_prefix.get("img_path") or "."
        if not osp.isdir(folder):
            raise ValueError(f"unlabelled images: there is no folder {folder}")
        found = scan_folder(folder, self.suffixes)
        ids = self._listed(found, folder) if self.ann_file else list(found)
        left_out = {
            strip_suffix(name, self.suffixes)
            for path in self.exclude
            for name in read_ids(path)
        }
        kept = [i for i in ids if i not in left_out]
        if not kept:
            raise ValueError(
                f"unlabelled images: none left of {len(ids)} in {folder}"
                + (f" without those of {self.exclude}" if self.exclude else "")
                + f"; suffixes looked for: {list(self.suffixes)}"
            )
        common = {"label_map": None, "reduce_zero_label": False}
        return [
            {"img_path": osp.join(folder, found[i]), "seg_fields": [], **common}
            for i in kept
        ]

    def _listed(self, found: dict[str, str], folder: str) -> list[str]:
        ids = [strip_suffix(name, self.suffixes) for name in read_ids(self.ann_file)]
        missing = [i for i in ids if i not in found]
        if missing:
            raise ValueError(
                f"{self.ann_file}: no image in {folder} for {len(missing)} of "
                f"{len(ids)} ids, among them {missing[:5]}"
            )
        return ids
