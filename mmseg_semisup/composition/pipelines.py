"""Makes the pipeline of unlabelled images from that of the labelled ones."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mmcv.transforms import KeyMapper, Pad, RandomApply, RandomChoice
from mmseg.datasets.transforms import Albu, PackSegInputs, RandomCrop
from mmseg.registry import TRANSFORMS

from mmseg_semisup.core.config_types import is_type, type_of
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets import TakeCrop
from mmseg_semisup.datasets.albu import check_albumentations
from mmseg_semisup.datasets.load_channels import LoadChannels
from mmseg_semisup.datasets.transform_kinds import loads_file, loads_mask
from mmseg_semisup.datasets.view_geometry import moves_pixels

from .block_form import APPEARANCE, WEAK
from .device_views import DEVICE, WORKERS, on_device

Transform = dict[str, Any]

OF_CHANNELS: list[Transform] = [{"type": "ColorJitter"}]
"""The appearance of images of any channels."""
DEFAULT_APPEARANCE: list[Transform] = [{"type": "PhotoMetricDistortion"}]
MASKS_ONLY = ("GenerateEdge",)
"""Transforms of mmseg that change nothing but masks."""
CONVERSIONS = ("AdjustGamma", "CLAHE", "RGB2Gray", "Rerange")
"""Transforms of mmseg without randomness, which prepare every image."""
OTHER_TASKS = {
    "LoadMultipleRSImageFromFile": "samples are pairs of images",
    "LoadDepthAnnotation": "masks are depths",
    "LoadBiomedicalImageFromFile": "samples are volumes",
    "LoadBiomedicalData": "samples are volumes",
}
"""Transforms of mmseg that load no single images with masks of classes."""


@dataclass(frozen=True)
class Pipeline:
    """The transforms of a labelled pipeline by their purpose, in order.

    Attributes:
        load: Reads the image.
        geometry: Moves pixels; padding and conversions without randomness count, too.
        appearance: Changes colours and textures.
        pack: Makes the sample.
    """

    load: list[Transform]
    geometry: list[Transform]
    appearance: list[Transform]
    pack: Transform

    @property
    def crop(self) -> int | None:
        """Position of the random crop among the geometry, or None."""
        crops = [
            index
            for index, step in enumerate(self.geometry)
            if is_type(step, TRANSFORMS, RandomCrop)
        ]
        return crops[0] if crops else None

    @property
    def crop_size(self) -> tuple[int, int] | None:
        """Height and width of the random crop in pixels, or None."""
        if self.crop is None:
            return None
        size = self.geometry[self.crop]["crop_size"]
        height, width = (size, size) if isinstance(size, int) else size
        return (height, width)


def divide(pipeline: Sequence[Transform]) -> Pipeline:
    """Sort the transforms of a labelled pipeline by their purpose.

    Args:
        pipeline: Configs of the transforms.

    Raises:
        ConfigError: If a transform is not known, or the last one does not pack.
    """
    steps = [copy.deepcopy(dict(step)) for step in pipeline]
    if not steps or not is_type(steps[-1], TRANSFORMS, PackSegInputs):
        last = steps[-1].get("type") if steps else None
        raise ConfigError(
            f"train_dataloader: the pipeline ends with {last!r}; allowed: PackSegInputs"
        )
    found = Pipeline([], [], [], steps[-1])
    for step in steps[:-1]:
        kind = kind_of(step)
        if kind in ("mask", "mixing"):
            continue
        getattr(found, kind).append(
            _without_masks(step) if kind == "geometry" else step
        )
    return found


def kind_of(step: Transform) -> str:
    """Purpose of a transform: 'load', 'mask', 'geometry', 'appearance' or 'mixing'.

    Mixing transforms, such as ``RandomMosaic``, ask for further images and masks.

    Raises:
        ConfigError: If the transform is not known.
    """
    cls = type_of(step, TRANSFORMS)
    name = getattr(cls, "__name__", step.get("type"))
    if name in OTHER_TASKS:
        raise ConfigError(
            f"train_dataloader: {name} is not supported: {OTHER_TASKS[name]}; methods "
            "for unlabelled images take single images, and masks of classes"
        )
    if loads_mask(step) or name in MASKS_ONLY:
        return "mask"
    if hasattr(cls, "get_indices"):
        return "mixing"
    if loads_file(step):
        return "load"
    if name in CONVERSIONS:
        return "geometry"
    if is_type(step, TRANSFORMS, RandomChoice, RandomApply, KeyMapper):
        kinds = {kind_of(part) for part in _parts(step)}
        return "geometry" if "geometry" in kinds else "appearance"
    if is_type(step, TRANSFORMS, Albu):
        check_albumentations(step.get("transforms") or ())
        return "appearance"
    known = moves_pixels(cls) if inspect.isclass(cls) else None
    if known is None:
        raise ConfigError(
            f"train_dataloader: whether {name} moves pixels is not known, so it cannot "
            "be applied to unlabelled images; register it with "
            "mmseg_semisup.datasets.register_geometry or register_appearance, or state "
            "`unlabeled=dict(pipeline=[...])`"
        )
    return "geometry" if known else "appearance"


def make_views(
    pipeline: Pipeline,
    views: Mapping[str, Any],
    crop: Transform | None = None,
    load: Sequence[Transform] = (),
    pack: Transform | None = None,
    geometry: Sequence[Transform] | None = None,
    augment: str = WORKERS,
) -> list[Transform]:
    """The pipeline that makes the views of an image.

    All views have the random geometry in common. With ``crop``, they have what precedes
    the random crop, and each takes a crop of its own.

    Args:
        pipeline: Parts of the labelled pipeline.
        views: Name to 'weak' or a list of transforms, where 'appearance' stands for the
            labelled pipeline's own. A weak view has those only if it is the only one.
            None: the view is left out.
        crop: Config of a transform that draws crops, e.g. ``DrawTwoCrops``, without
            their size.
        load: Further transforms that load, after the image.
        pack: Replaces the labelled pipeline's last transform.
        geometry: Replaces its geometry.
        augment: Where the colours of views are changed: 'workers', or 'device', for
            the last transforms of a view that can change a batch.

    Raises:
        ConfigError: If crops are to be drawn, and the labelled pipeline crops nothing;
            or no view can be changed on the device.
    """
    if geometry is not None:
        pipeline = replace(pipeline, geometry=[dict(step) for step in geometry])
    shared, each = pipeline.geometry, list[Transform]()
    if crop is not None:
        if pipeline.crop is None:
            raise ConfigError(
                f"{crop.get('type')} needs the size of the labelled crops, but the "
                "training pipeline has no RandomCrop; add one"
            )
        before, after = shared[: pipeline.crop], shared[pipeline.crop + 1 :]
        each = [step for step in after if not is_type(step, TRANSFORMS, Pad)]
        shared = [*before, _sized(crop, _aligned(pipeline.crop_size, crop))]
    size = _aligned(pipeline.crop_size, crop)
    views = {name: steps for name, steps in views.items() if steps is not None}
    made = {
        name: _steps(steps, pipeline, alone=len(views) == 1)
        for name, steps in views.items()
    }
    if crop is not None:
        made = {name: _with_crop(steps, each) for name, steps in made.items()}
    sized = {n: [_sized(step, size) for step in steps] for n, steps in made.items()}
    last = pack or pipeline.pack
    packed: dict[str, Any] = {n: [*steps, last] for n, steps in sized.items()}
    if augment == DEVICE:
        packed = on_device(sized, last)
    multi = {"type": "MultiView", "shared": shared, "views": packed}
    return [*pipeline.load, *load, multi]


def _steps(steps: Any, pipeline: Pipeline, alone: bool) -> list[Transform]:
    if steps == WEAK:
        return list(pipeline.appearance) if alone else []
    own = pipeline.appearance or DEFAULT_APPEARANCE
    if not pipeline.appearance and any(
        is_type(step, TRANSFORMS, LoadChannels) for step in pipeline.load
    ):
        own = OF_CHANNELS
    return [
        copy.deepcopy(transform)
        for step in steps
        for transform in (own if step == APPEARANCE else [step])
    ]


def _with_crop(steps: list[Transform], each: list[Transform]) -> list[Transform]:
    """Let a view begin with a crop, and insert the flips after it."""
    if not (steps and is_type(steps[0], TRANSFORMS, TakeCrop)):
        steps = [{"type": "TakeCrop", "which": 0}, *steps]
    return [steps[0], *copy.deepcopy(each), *steps[1:]]


def _sized(step: Transform, size: tuple[int, int] | None) -> Transform:
    """Complete a transform that needs the size of the crop."""
    cls = type_of(step, TRANSFORMS)
    if size is None or "crop_size" in step or not inspect.isclass(cls):
        return step
    if "crop_size" not in inspect.signature(cls.__init__).parameters:
        return step
    return {**step, "crop_size": size}


def _aligned(
    size: tuple[int, int] | None, crop: Transform | None
) -> tuple[int, int] | None:
    """The size of the crop, rounded down to a multiple of the stride of two crops."""
    if size is None or crop is None:
        return size
    align = crop.get("align", 8)
    if min(size) < align:
        raise ConfigError(
            f"{crop.get('type')} has align={align}, but the labelled crops have only "
            f"{size[0]}x{size[1]} pixels; crop at least {align}x{align}"
        )
    return (size[0] // align * align, size[1] // align * align)


def _parts(step: Transform) -> list[Transform]:
    """The transforms within one, at any depth."""
    found: list[Transform] = []
    for part in step.get("transforms", ()):
        found += part if isinstance(part, (list, tuple)) else [part]
    return found


def _without_masks(step: Transform) -> Transform:
    """Leave out what needs a mask: the greatest share of a class in a crop."""
    if is_type(step, TRANSFORMS, RandomCrop) and step.get("cat_max_ratio", 1.0) < 1:
        return {**step, "cat_max_ratio": 1.0}
    if "transforms" in step:
        parts = [
            [_without_masks(s) for s in part]
            if isinstance(part, (list, tuple))
            else _without_masks(part)
            for part in step["transforms"]
        ]
        return {**step, "transforms": parts}
    return step
