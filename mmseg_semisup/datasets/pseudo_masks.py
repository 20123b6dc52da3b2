"""A dataset of images with stored predictions as their masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_semisup.core.errors import StoreError

from .pseudo_mask_store import Store, check_classes
from .read_image import pipeline_reader
from .sources import file_key


@DATASETS.register_module()
class PseudoMaskDataset(BaseSegDataset):
    """Images and their pseudo-masks in one or several stores.

    ``LoadAnnotations`` reads the masks; their classes are the stores'.

    Args:
        store: Folder that ``tools/generate_pseudo_masks.py`` or a stage wrote, or
            several of them, which have masks of different images.
        pipeline: Transforms.
        classes: Names that the stores' classes must have; None: any.
        lazy_init: As in mmseg.

    Raises:
        ValueError: If a store is not complete, a file is missing, changed or foreign,
            an image has another size than its mask or masks in two stores, or the
            classes have other names; the message names them.
    """

    def __init__(
        self,
        store: str | Sequence[str],
        pipeline: Sequence[dict[str, Any]] = (),
        classes: Sequence[str] | None = None,
        lazy_init: bool = False,
    ) -> None:
        folders = [store] if isinstance(store, str) else list(store)
        if not folders:
            raise StoreError("PseudoMaskDataset: store=[]; name at least one folder")
        self.stores = [Store(folder) for folder in folders]
        self.manifests = [part.read_manifest() for part in self.stores]
        own = self.manifests[0]["classes"]
        for folder, manifest in zip(folders, self.manifests, strict=True):
            check_classes(manifest["classes"], classes or own, folder)
        super().__init__(
            metainfo={
                "classes": tuple(own),
                "palette": self.manifests[0]["palette"],
            },
            data_prefix={},
            pipeline=list(pipeline),
            lazy_init=lazy_init,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Check the stores, and list their images."""
        reader = pipeline_reader(self.pipeline.transforms)
        common = {"label_map": None, "reduce_zero_label": False}
        found: dict[str, dict[str, Any]] = {}
        for store, manifest in zip(self.stores, self.manifests, strict=True):
            store.check(manifest, reader)
            for record in manifest["images"]:
                key = file_key(record["image"])
                if key in found:
                    raise StoreError(
                        f"{record['image']} has a mask in {store.folder} and another "
                        f"one, {found[key]['seg_map_path']}; one of them must go"
                    )
                found[key] = {
                    "img_path": record["image"],
                    "seg_map_path": str(store.path("masks", record["id"])),
                    "seg_fields": [],
                    **common,
                }
        return list(found.values())
