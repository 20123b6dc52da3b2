"""Scoring at another size than that of the file."""

from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SetOriginalShape(BaseTransform):
    """From here on, the image counts as the original one.

    mmseg resizes predictions to the size of the file. After this transform, it resizes
    them to the size that the image has now: with masks that were resized, too, training
    and scoring take place at that size.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set ``ori_shape``, (H, W), to the size of ``img``."""
        results["ori_shape"] = results["img"].shape[:2]
        return results
