"""A dataset of images with stored predictions as their masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from .pseudo_mask_store import Store, check_classes
from .read_image import pipeline_reader


@DATASETS.register_module()
class PseudoMaskDataset(BaseSegDataset):
    """Images and their pseudo-masks in a store.

    ``LoadAnnotations`` reads the masks; their classes are the store's.

    Args:
        store: Folder that ``tools/generate_pseudo_masks.py`` or a stage wrote.
        pipeline: Transforms.
        classes: Names that the store's classes must have; None: any.
        lazy_init: As in mmseg.

    Raises:
        ValueError: If the store is not complete, a file is missing, changed or foreign,
            an image has another size than its mask, or the classes have other names;
            the message names them.
    """

    def __init__(
        self,
        store: str,
        pipeline: Sequence[dict[str, Any]] = (),
        classes: Sequence[str] | None = None,
        lazy_init: bool = False,
    ) -> None:
        self.store = Store(store)
        self.manifest = self.store.read_manifest()
        own = self.manifest["classes"]
        if classes is not None:
            check_classes(own, classes, store)
        super().__init__(
            metainfo={"classes": tuple(own), "palette": self.manifest["palette"]},
            data_prefix={},
            pipeline=list(pipeline),
            lazy_init=lazy_init,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Check the store, and list its images."""
        self.store.check(self.manifest, pipeline_reader(self.pipeline.transforms))
        common = {"label_map": None, "reduce_zero_label": False}
        return [
            {
                "img_path": record["image"],
                "seg_map_path": str(self.store.path("masks", record["id"])),
                "seg_fields": [],
                **common,
            }
            for record in self.manifest["images"]
        ]
