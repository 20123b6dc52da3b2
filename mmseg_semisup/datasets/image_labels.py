"""Loads the classes that an image shows, as a multi-hot vector."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

FIELD = "gt_image_labels"


@TRANSFORMS.register_module()
class LoadImageLabels(BaseTransform):
    """Adds the classes that an image shows, from its weak label or from its mask.

    It follows ``LoadAnnotations`` and precedes all transforms that cut the image, as a
    crop may show fewer classes. ``PackImageLabels`` ends the pipeline.

    Args:
        num_classes: Number of classes C, background included where there is one.
        drop_mask: Whether to drop the mask, so that later transforms need not move it.
        ignore_index: Label of ignored pixels, the same as in the data set.
    """

    def __init__(
        self, num_classes: int, drop_mask: bool = True, ignore_index: int = 255
    ) -> None:
        if num_classes < 1:
            raise ValueError(f"LoadImageLabels: num_classes={num_classes}; allowed: >0")
        self.num_classes = num_classes
        self.drop_mask = drop_mask
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Write ``gt_image_labels``, (C,), float32, 0 or 1.

        Raises:
            ValueError: If there is neither a weak label nor a mask, or a class number
                does not fit.
        """
        present = results.get("present_classes")
        if present is None:
            if "gt_seg_map" not in results:
                raise ValueError(
                    "LoadImageLabels: there is neither a list of present classes nor "
                    "a mask; put LoadAnnotations in front, or use WeakLabelDataset"
                )
            present = np.unique(results["gt_seg_map"])
            present = present[present != self.ignore_index]
        present = np.asarray(present, dtype=np.int64)
        wrong = present[(present < 0) | (present >= self.num_classes)]
        if wrong.size:
            raise ValueError(
                f"LoadImageLabels: class numbers {wrong.tolist()}; allowed: 0 to "
                f"{self.num_classes - 1} (num_classes={self.num_classes})"
            )
        labels = np.zeros(self.num_classes, np.float32)
        labels[present] = 1
        results[FIELD] = labels
        if self.drop_mask and "gt_seg_map" in results:
            del results["gt_seg_map"]
            fields = results.get("seg_fields", [])
            results["seg_fields"] = [f for f in fields if f != "gt_seg_map"]
        return results


@TRANSFORMS.register_module()
class PackImageLabels(PackSegInputs):
    """``PackSegInputs``, with the labels as ``gt_image_labels``, (C,), float32."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack the labels of ``LoadImageLabels``, too.

        Raises:
            ValueError: If ``LoadImageLabels`` did not run.
        """
        if FIELD not in results:
            raise ValueError("there are no image labels; put LoadImageLabels in front")
        packed = super().transform(results)
        packed["data_samples"].set_data({FIELD: torch.from_numpy(results[FIELD])})
        return packed
