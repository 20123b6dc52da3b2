"""Images without masks."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence
from pathlib import Path

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


@DATASETS.register_module()
class UnlabeledDataset(BaseSegDataset):
    """A folder of images, or a list of them. Masks are never looked for.

    Args:
        data_root: In front of the other paths.
        data_prefix: ``dict(img_path=...)``: the folder; it is searched with all
            folders below it.
        ann_file: Text file of ids, one a line: paths below the folder, with the suffix
            or without. Empty: all images of the folder.
        exclude: Text file of ids to leave out, or several: the labelled list. Ids are
            compared without suffix.
        img_suffix: Suffixes of images; case does not matter.
        pipeline: Transforms.
        metainfo: As in mmseg; not needed.

    Raises:
        ValueError: If the folder, a list or an image is missing, or nothing is left.
    """

    def __init__(
        self,
        data_root: str | None = None,
        data_prefix: dict | None = None,
        ann_file: str = "",
        exclude: str | Sequence[str] = (),
        img_suffix: str | Sequence[str] = SUFFIXES,
        pipeline: Sequence[dict] = (),
        metainfo: dict | None = None,
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

    def load_data_list(self) -> list[dict]:
        """Find the images."""
        folder = Path(self.data_prefix.get("img_path") or ".")
        if not folder.is_dir():
            raise ValueError(f"unlabelled images: there is no folder {folder}")
        names = self._listed(folder) if self.ann_file else self._found(folder)
        left_out = {i for path in self.exclude for i in map(_stem, read_ids(path))}
        kept = [name for name in names if _stem(name) not in left_out]
        if not kept:
            raise ValueError(
                f"unlabelled images: none left of {len(names)} in {folder}"
                + (f" without those of {self.exclude}" if self.exclude else "")
                + f"; suffixes looked for: {list(self.suffixes)}"
            )
        common = {"label_map": None, "reduce_zero_label": False}
        return [
            {"img_path": str(folder / name), "seg_fields": [], **common}
            for name in kept
        ]

    def _found(self, folder: Path) -> list[str]:
        files = (p for p in folder.rglob("*") if p.suffix.lower() in self.suffixes)
        return sorted(p.relative_to(folder).as_posix() for p in files)

    def _listed(self, folder: Path) -> list[str]:
        wanted = read_ids(self.ann_file)
        if all(osp.splitext(name)[1].lower() in self.suffixes for name in wanted):
            missing = [name for name in wanted if not (folder / name).is_file()]
            names = wanted
        else:
            by_id = {_stem(name): name for name in self._found(folder)}
            missing = [name for name in wanted if name not in by_id]
            names = [by_id[name] for name in wanted if name in by_id]
        if missing:
            raise ValueError(
                f"{self.ann_file}: no image in {folder} for {len(missing)} of "
                f"{len(wanted)} ids, among them {missing[:5]}"
            )
        return names


def read_ids(path: str) -> list[str]:
    """Ids of a text file, one a line, empty lines left out.

    Raises:
        ValueError: If there is no such file.
    """
    if not osp.isfile(path):
        raise ValueError(f"there is no list of ids {path}")
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _stem(name: str) -> str:
    """An id without its suffix, if it has one of an image."""
    stem, suffix = osp.splitext(name)
    return stem if suffix.lower() in SUFFIXES else name
