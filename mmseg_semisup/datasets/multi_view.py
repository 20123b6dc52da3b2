"""Makes several views of one decoded image, each with its geometry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform, Compose
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from .view_geometry import apply_tracked, find_tracker


@TRANSFORMS.register_module()
class MultiView(BaseTransform):
    """Ends a pipeline with several views of the loaded image and mask.

    The shared transforms run once. Then each view runs its own, on a copy, and packs
    the result. The data sample of a view records ``homography``, (3, 3), float64, from
    the pixels of the loaded image to those of the view (pixel centres at integers),
    and ``source_shape``, height and width of the loaded image.

    Args:
        views: Name of each view, which becomes its branch, to its transforms; the last
            one is ``PackSegInputs``.
        shared: Transforms that all views have in common.

    Raises:
        ValueError: If a view does not end with ``PackSegInputs``, or the geometry of a
            transform is not known.
    """

    def __init__(
        self,
        views: Mapping[str, Sequence[dict[str, Any]]],
        shared: Sequence[dict[str, Any]] = (),
    ) -> None:
        if not views:
            raise ValueError("MultiView: views is empty; name at least one")
        self.shared = Compose(list(shared)).transforms
        self.views: dict[str, list[BaseTransform]] = {}
        self.packers: dict[str, PackSegInputs] = {}
        for name, transforms in views.items():
            *steps, packer = Compose(list(transforms)).transforms or [None]
            if not isinstance(packer, PackSegInputs):
                raise ValueError(
                    f"MultiView: view {name!r} must end with PackSegInputs"
                )
            self.views[name] = steps
            self.packers[name] = packer
        for steps in (self.shared, *self.views.values()):
            for step in steps:
                find_tracker(step)

    def transform(self, results: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """``inputs`` and ``data_samples``, each a dict of view to value."""
        source_shape = results["img"].shape[:2]
        results, common = apply_tracked(self.shared, results)
        packed: dict[str, dict[str, Any]] = {"inputs": {}, "data_samples": {}}
        for name, steps in self.views.items():
            view, own = apply_tracked(steps, _copy(results))
            sample = self.packers[name](view)
            sample["data_samples"].set_metainfo(
                {
                    "homography": torch.from_numpy(own @ common),
                    "source_shape": source_shape,
                }
            )
            for key, value in sample.items():
                packed[key][name] = value
        return packed


def _copy(results: dict[str, Any]) -> dict[str, Any]:
    """A copy that a view may write into."""
    mutable = (np.ndarray, list, dict)
    return {k: v.copy() if isinstance(v, mutable) else v for k, v in results.items()}
