"""Makes several views of one decoded image, each with its geometry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform, Compose
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from .batched_appearance import META, OPERATIONS, draw, operation_of
from .fast_steps import fast, pack, writes
from .view_geometry import apply_tracked, find_tracker

KEYS = ("transforms", "device", "of")
"""Keys of a view."""


@TRANSFORMS.register_module()
class MultiView(BaseTransform):
    """Ends a pipeline with several views of the loaded image and mask.

    The shared transforms run once. Then each view runs its own, on a copy, and packs
    the result. The data sample of a view records ``homography``, (3, 3), float64, from
    the pixels of the loaded image to those of the view (pixel centres at integers),
    and ``source_shape``, height and width of the loaded image.

    A view may leave changes of colours to the model's preprocessor, which changes a
    batch on the device: ``dict(transforms=[...], device=[dict(type='ColorJitter')])``.
    What they draw is drawn here, so the view is the same as if they were among its
    transforms. With ``of``, the name of another view, it has the pixels of that one,
    which are not sent twice.

    Args:
        views: Name of each view, which becomes its branch, to its transforms, the last
            of which is ``PackSegInputs``; or such a dict.
        shared: Transforms that all views have in common.

    Raises:
        ValueError: If a view has another form, or does not end with ``PackSegInputs``,
            the geometry of a transform is not known, or it cannot change a batch on
            the device.
    """

    def __init__(
        self,
        views: Mapping[str, Sequence[dict[str, Any]] | Mapping[str, Any]],
        shared: Sequence[dict[str, Any]] = (),
    ) -> None:
        if not isinstance(views, Mapping) or not views:
            raise ValueError(
                f"MultiView: views={views!r:.60}; allowed: a dict with at least one"
            )
        self.shared = Compose(list(shared)).transforms
        self.views: dict[str, list[BaseTransform]] = {}
        self.packers: dict[str, PackSegInputs] = {}
        self.device: dict[str, list[BaseTransform]] = {}
        self.pixels: dict[str, str] = {}
        for name, stated in views.items():
            view = _read(name, stated)
            *steps, packer = Compose(list(view["transforms"])).transforms or [None]
            if not isinstance(packer, PackSegInputs):
                raise ValueError(
                    f"MultiView: view {name!r} must end with PackSegInputs"
                )
            self.views[name] = [fast(step) for step in steps]
            self.packers[name] = packer
            self.device[name] = Compose(list(view["device"])).transforms
            if view.get("of") is not None:
                self.pixels[name] = view["of"]
        self._check_device()
        for steps in (self.shared, *self.views.values()):
            for step in steps:
                find_tracker(step)

    def _check_device(self) -> None:
        for name, other in self.pixels.items():
            if other not in self.views or other in self.pixels or self.views[name]:
                own = [view for view in self.views if view not in self.pixels]
                raise ValueError(
                    f"MultiView: view {name!r} has of={other!r}; allowed: one of "
                    f"{own}, and no transforms but PackSegInputs"
                )
        for name, steps in self.device.items():
            for step in steps:
                if operation_of(step) is None:
                    known = ", ".join(cls.__name__ for cls in OPERATIONS)
                    raise ValueError(
                        f"MultiView: {type(step).__name__} of the view {name!r} cannot "
                        f"change a batch on the device; {known} can"
                    )

    def transform(self, results: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """``inputs`` and ``data_samples``, each a dict of view to value.

        A view with the pixels of another one is missing in ``inputs``.
        """
        source_shape = results["img"].shape[:2]
        results, common = apply_tracked(self.shared, results)
        packed: dict[str, dict[str, Any]] = {"inputs": {}, "data_samples": {}}
        for name, steps in self.views.items():
            kept = dict(results)
            if name in self.pixels:
                del kept["img"]
            packer = self.packers[name]
            if writes(steps, packer, kept.get("img")):
                kept = _copy(kept)
            view, own = apply_tracked(steps, kept)
            sample = pack(packer, view)
            info: dict[str, Any] = {
                "homography": torch.from_numpy(own @ common),
                "source_shape": source_shape,
            }
            if self.device[name]:
                changes = draw(self.device[name])
                info[META] = {"of": self.pixels.get(name), "changes": changes}
            for key, value in info.items():
                # Its set_metainfo would copy each of them deeply.
                sample["data_samples"].set_field(value, key, field_type="metainfo")
            for key, value in sample.items():
                packed[key][name] = value
        return packed


def _read(name: Any, stated: Any) -> dict[str, Any]:
    """A view as a dict, whose form is checked."""
    view = dict(stated) if isinstance(stated, Mapping) else {"transforms": stated}
    if not isinstance(name, str) or not name:
        raise ValueError(f"MultiView: a view is called {name!r}; allowed: a text")
    for key in view:
        if key not in KEYS:
            raise ValueError(
                f"MultiView: view {name!r} has no {key!r}; allowed: {', '.join(KEYS)}"
            )
    for key in ("transforms", "device"):
        steps = view.setdefault(key, ())
        if not isinstance(steps, (list, tuple)) or not all(map(_is_step, steps)):
            raise ValueError(
                f"MultiView: view {name!r} has {key}={steps!r:.60}; allowed: a list of "
                "transforms"
            )
    if not isinstance(view.get("of"), (str, type(None))):
        raise ValueError(
            f"MultiView: view {name!r} has of={view['of']!r:.60}; allowed: the name of "
            "a view"
        )
    return view


def _is_step(step: Any) -> bool:
    return callable(step) or (isinstance(step, Mapping) and "type" in step)


def _copy(results: dict[str, Any]) -> dict[str, Any]:
    """A copy that a view may write into."""
    mutable = (np.ndarray, list, dict)
    return {k: v.copy() if isinstance(v, mutable) else v for k, v in results.items()}
