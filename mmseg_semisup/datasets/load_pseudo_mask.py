"""Loads the pseudo-mask of a labelled image beside its mask."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform, to_tensor
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from mmseg_semisup.core.errors import ImageFileError

from .files import check_labels
from .pseudo_mask_store import Store
from .read_image import read_mask
from .sources import file_key

FIELD = "gt_pseudo_map"
IGNORED = 255


@TRANSFORMS.register_module()
class LoadPseudoMask(BaseTransform):
    """Adds the pseudo-mask of an image that has a mask of its own.

    It follows ``LoadAnnotations`` and precedes all transforms that move pixels, so that
    mask and pseudo-mask move together. ``PackPseudoMask`` ends the pipeline.

    Args:
        store: Folder of pseudo-masks, as ``PseudoMaskDataset`` takes it, which also
            checks its files. None: the mask that the image's source has is read, which
            is the pseudo-mask itself for a ``PseudoMaskDataset``.

    Raises:
        ValueError: If the store cannot be used.
    """

    ignore_index = IGNORED

    def __init__(self, store: str | None) -> None:
        self.store = store
        # The mask of a PseudoMaskDataset is checked where it is loaded.
        self._classes = IGNORED
        if store is None:
            return
        folder = Store(store)
        manifest = folder.read_manifest()
        self._classes = len(manifest["classes"])
        self._masks = {
            file_key(record["image"]): str(folder.path("masks", record["id"]))
            for record in manifest["images"]
        }

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the mask of ``img_path`` to ``gt_pseudo_map``, (H, W), uint8.

        Raises:
            ValueError: If the store has none, or it has another size than the image.
        """
        if self.store is None:
            path = results["seg_map_path"]
        else:
            path = self._masks.get(file_key(results["img_path"]))
        if path is None:
            raise ValueError(
                f"{self.store} has no pseudo-mask of {results['img_path']}; generate "
                "them for the labelled images, too"
            )
        try:
            mask = read_mask(path)
            check_labels(mask, results["img"].shape[:2], self._classes)
        except ImageFileError as error:
            raise ImageFileError(f"the pseudo-mask {error}") from error
        except ValueError as error:
            raise ImageFileError(f"the pseudo-mask {path}: {error}") from error
        results[FIELD] = mask
        results["seg_fields"] = [*results.get("seg_fields", ()), FIELD]
        return results


@TRANSFORMS.register_module()
class PackPseudoMask(PackSegInputs):
    """``PackSegInputs``, with the pseudo-mask as ``pseudo_sem_seg``, (1, H, W)."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack the pseudo-mask of ``LoadPseudoMask``, too.

        Raises:
            ValueError: If ``LoadPseudoMask`` did not run.
        """
        if FIELD not in results:
            raise ValueError("there is no pseudo-mask; put LoadPseudoMask in front")
        packed = super().transform(results)
        mask = to_tensor(results[FIELD][None].astype(np.int64))
        packed["data_samples"].pseudo_sem_seg = PixelData(data=mask)
        return packed
