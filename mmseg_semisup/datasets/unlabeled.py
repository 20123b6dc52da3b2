"""A dataset of images without masks."""

from __future__ import annotations

import os.path as osp
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from .lists import (
    IMAGE_SUFFIXES,
    read_ids,
    read_image_list,
    scan_folder,
    strip_suffix,
)
from .sources import build_source, config_leaves, file_key, infos, with_pipeline


@DATASETS.register_module()
class UnlabeledDataset(BaseSegDataset):
    """A folder of images, or lists of them. Masks are never read.

    Args:
        paths: Folders, image files and text files of image paths, which are relative to
            the text file's folder; instead of ``data_prefix`` and ``ann_file``.
        images_of: Config of another dataset whose images these are; instead of
            ``data_prefix`` and ``ann_file``.
        data_root: Folder that the other paths are relative to.
        data_prefix: ``dict(img_path=...)``: the folder, which is searched with all its
            subfolders.
        ann_file: Text file of ids, one a line: paths below the folder, with the suffix
            or without. Empty: all images of the folder.
        exclude: What to leave out, or several of these: a text file of ids, which are
            compared without suffix; or the config of another dataset, e.g. for
            validation, whose files are left out. Within ``SemiDataset``,
            ``'source:labeled'`` leaves out the images of that source.
        img_suffix: Suffix of the images, or several; case does not matter. An id is the
            name without it.
        pipeline: Transforms.
        metainfo: As in mmseg; not needed.
        lazy_init: As in mmseg.

    Raises:
        ValueError: If the folder, a list or an image is missing, nothing is left, or
            images are named in two ways.
    """

    def __init__(
        self,
        data_root: str | None = None,
        data_prefix: dict[str, Any] | None = None,
        ann_file: str = "",
        exclude: str | dict[str, Any] | Sequence[str | dict[str, Any]] = (),
        img_suffix: str | Sequence[str] = IMAGE_SUFFIXES,
        pipeline: Sequence[dict[str, Any]] = (),
        metainfo: dict[str, Any] | None = None,
        lazy_init: bool = False,
        paths: Sequence[str] = (),
        images_of: dict[str, Any] | None = None,
    ) -> None:
        root = data_root or ""
        ways = dict(paths=paths, images_of=images_of, data_prefix=data_prefix)
        given = [name for name, value in ways.items() if value]
        if len(given) > 1:
            raise ValueError(
                f"unlabelled images: {' and '.join(given)} are given; one of them "
                "names the images"
            )
        self.paths = [osp.join(root, path) for path in paths]
        self.images_of = images_of
        entries = [exclude] if isinstance(exclude, (str, Mapping)) else list(exclude)
        self.exclude = [
            osp.join(root, name) for name in entries if isinstance(name, str)
        ]
        self.held_out = [cfg for cfg in entries if isinstance(cfg, Mapping)]
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
        if self.paths or self.images_of is not None:
            return self._packed(self._without_excluded(self._named()))
        folder = self.data_prefix.get("img_path") or "."
        if not osp.isdir(folder):
            raise ValueError(f"unlabelled images: there is no folder {folder}")
        found = scan_folder(folder, self.suffixes)
        ids = self._listed(found, folder) if self.ann_file else list(found)
        left_out = self._left_out()
        kept = [i for i in ids if i not in left_out]
        if not kept:
            raise ValueError(
                f"unlabelled images: none left of {len(ids)} in {folder}"
                + (f" without those of {self.exclude}" if self.exclude else "")
                + f"; suffixes looked for: {list(self.suffixes)}"
            )
        return self._packed([osp.join(folder, found[i]) for i in kept])

    def _left_out(self) -> set[str]:
        return {
            strip_suffix(name, self.suffixes)
            for path in self.exclude
            for name in read_ids(path)
        }

    def _packed(self, images: Sequence[str]) -> list[dict[str, Any]]:
        taken = self._held_out_files()
        kept = [path for path in images if not taken or file_key(path) not in taken]
        if not kept:
            raise ValueError(
                f"unlabelled images: all {len(images)} are validated or tested"
            )
        common = {"label_map": None, "reduce_zero_label": False}
        return [{"img_path": path, "seg_fields": [], **common} for path in kept]

    def _held_out_files(self) -> set[str]:
        """Keys of the files of the datasets to leave out."""
        taken: set[str] = set()
        for cfg in self.held_out:
            if any(osp.isdir(_folder(leaf)) for leaf in config_leaves(cfg)):
                dataset = build_source("exclude", cfg)
                taken.update(file_key(info["img_path"]) for info in infos(dataset))
        return taken

    def _named(self) -> list[str]:
        """Paths of the images that ``paths`` or ``images_of`` name, each once."""
        if self.images_of is None:
            found = [image for path in self.paths for image in self._below(path)]
        else:
            dataset = build_source("images_of", with_pipeline(self.images_of, []))
            found = [info["img_path"] for info in infos(dataset)]
        return list(dict.fromkeys(found))

    def _below(self, path: str) -> list[str]:
        if osp.isdir(path):
            found = scan_folder(path, self.suffixes)
            if not found:
                raise ValueError(
                    f"unlabelled images: none in {path}; suffixes looked for: "
                    f"{list(self.suffixes)}"
                )
            return [osp.join(path, name) for name in found.values()]
        if not osp.isfile(path):
            raise ValueError(f"unlabelled images: there is no file or folder {path}")
        if path.lower().endswith(self.suffixes):
            return [path]
        return read_image_list(path)

    def _without_excluded(self, images: Sequence[str]) -> list[str]:
        left_out = self._left_out()
        kept = [
            image
            for image in images
            if not any(
                f"/{strip_suffix(image, self.suffixes)}".endswith(f"/{name}")
                for name in left_out
            )
        ]
        if not kept:
            raise ValueError(
                f"unlabelled images: none left of {len(images)} without those of "
                f"{self.exclude}"
            )
        return kept

    def _listed(self, found: dict[str, str], folder: str) -> list[str]:
        ids = [strip_suffix(name, self.suffixes) for name in read_ids(self.ann_file)]
        missing = [i for i in ids if i not in found]
        if missing:
            raise ValueError(
                f"{self.ann_file}: no image in {folder} for {len(missing)} of "
                f"{len(ids)} ids, among them {missing[:5]}"
            )
        return ids


def _folder(cfg: Mapping[str, Any]) -> str:
    """Folder of a dataset's images; one that is missing holds nothing to leave out."""
    prefix = (cfg.get("data_prefix") or {}).get("img_path") or ""
    return osp.join(cfg.get("data_root") or "", prefix) or "."
