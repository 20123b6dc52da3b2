"""Scores predictions at another size than that of the file."""

from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SetOriginalShape(BaseTransform):
    """Declares the present size of the image as the original one.

    mmseg resizes predictions to the size of the file; after this transform, to the
    present size of the image. If masks are resized, too, training and scoring take
    place at that size.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set ``ori_shape``, (H, W), to the size of ``img``."""
        results["ori_shape"] = results["img"].shape[:2]
        return results
