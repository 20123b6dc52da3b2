"""mmseg's data preprocessor for batches with named branches, and its config.

The config of the segmentor decides how images are prepared. The model that wraps it may
repeat that and add the padding of training batches, but must not contradict it.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_semisup.core.config_types import SCOPE_KEY, type_of
from mmseg_semisup.core.distributed import warn
from mmseg_semisup.core.sending import padding, sent, sent_each, sent_padded
from mmseg_semisup.datasets.batched_appearance import changed, is_changed, pixels_of
from mmseg_semisup.datasets.collate import LABEL_MAPS, is_map, shallow, stacked

KEY = "data_preprocessor"
OWNERS = ("segmentor", "module")
"""Keys of models within a model, which have a preprocessor of their own."""
PADDING = ("size", "size_divisor")
MAPS = ("gt_sem_seg", "gt_edge_map", "gt_depth_map")
"""Fields that mmseg pads like the image."""
DEFAULTS = {
    "mean": None,
    "std": None,
    "bgr_to_rgb": False,
    "rgb_to_bgr": False,
    "pad_val": 0,
    "seg_pad_val": 255,
}
"""Arguments that determine the input of a network, with mmseg's defaults."""


@MODELS.register_module()
class SemiDataPreprocessor(SegDataPreProcessor):
    """Normalises and pads each branch of a batch in the way of mmseg.

    The images of a branch go to the device in one copy, as the integers that they are,
    for which the host does not wait; so do their masks, of one byte a pixel where the
    labels allow. They are normalised and padded together.

    Args:
        mean: Mean of each channel, in 0..255; None: no normalisation.
        std: Standard deviation of each channel, in 0..255; None: no normalisation.
        size: Images smaller than (H, W) are padded to it, at the right and bottom.
        size_divisor: Images are padded to the next multiple; without this and ``size``,
            to the largest image of the batch.
        pad_val: Padding value of images, after normalisation.
        seg_pad_val: Padding value of label maps: the ignored label.
        bgr_to_rgb: Swap the channels.
        rgb_to_bgr: Swap the channels.
        test_cfg: Padding at test time: ``dict(size=...)`` or
            ``dict(size_divisor=...)``.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        size: tuple[int, int] | None = None,
        size_divisor: int | None = None,
        pad_val: float = 0,
        seg_pad_val: float = 255,
        bgr_to_rgb: bool = False,
        rgb_to_bgr: bool = False,
        test_cfg: dict[str, Any] | None = None,
    ) -> None:
        if size is None and size_divisor is None:
            size_divisor = 1
        super().__init__(
            mean=mean,
            std=std,
            size=size,
            size_divisor=size_divisor,
            pad_val=pad_val,
            seg_pad_val=seg_pad_val,
            bgr_to_rgb=bgr_to_rgb,
            rgb_to_bgr=rgb_to_bgr,
            test_cfg=test_cfg,
        )
        # Blocking copies of single fields would wait for the device N times a step.
        self._non_blocking = True

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Preprocess one batch.

        Args:
            data: ``inputs`` and ``data_samples``, each a dict of branch to list (a
                training batch), or each a list (mmseg's ordinary batch).
            training: As in mmseg.

        Returns:
            The same structure with each list of images stacked to (N, 3, H, W), float.
        """
        inputs: Any = data["inputs"]
        samples: Any = data.get("data_samples")
        if not isinstance(inputs, dict):
            return self._batch(inputs, samples, training)
        # A view that is changed on the device may have the pixels of another one.
        sources = {name: pixels_of(name, own) for name, own in samples.items()}
        shared = {sources[name] for name, own in samples.items() if is_changed(own)}
        moved = {name: self._moved(inputs[name]) for name in shared}
        branches = {}
        for name, own in samples.items():
            images = moved.get(sources[name], inputs[sources[name]])
            branches[name] = self._batch(changed(images, own), own, training)
        return {
            key: {name: batch[key] for name, batch in branches.items()}
            for key in ("inputs", "data_samples")
        }

    def _moved(self, images: Any) -> Any:
        """Images on the device; as one tensor, if they have one size."""
        images = stacked(images)
        send = sent if isinstance(images, Tensor) else sent_each
        return send(images, self.device)

    def _batch(self, images: Any, samples: Any, training: bool) -> dict[str, Any]:
        """One branch; as a whole, unless it is prepared in a way of mmseg's alone."""
        images = stacked(images)
        size = self._padded_size(images, samples, training) if samples else None
        if size is not None:
            return self._whole(images, size, samples, training)
        if samples:
            samples = self._moved_samples(samples)
        batch: dict[str, Any] = super().forward(
            {"inputs": list(images), "data_samples": samples}, training
        )
        return batch

    def _padded_size(
        self, images: Any, samples: Sequence[SegDataSample], training: bool
    ) -> tuple[int, int] | None:
        """Height and width of the batch; None: mmseg prepares images one by one."""
        if not training:
            whole = isinstance(images, Tensor) and not self.test_cfg
            return (*images.shape[-2:],) if whole else None
        if self.batch_augments or len({(x.dtype, x.shape[:-2]) for x in images}) > 1:
            return None
        shapes = [tuple(image.shape[-2:]) for image in images]
        for sample, shape in zip(samples, shapes, strict=True):
            fields = _padded_fields(sample)
            if not all(is_map(f) and f.data.shape == (1, *shape) for f in fields):
                return None
        height, width = (max(sides) for sides in zip(*shapes, strict=True))
        if self.size is None:
            divisor = self.size_divisor
            return (-(-height // divisor) * divisor, -(-width // divisor) * divisor)
        least = self.size
        sizes = {(max(h, least[0]), max(w, least[1])) for h, w in shapes}
        return sizes.pop() if len(sizes) == 1 else None

    def _whole(
        self,
        images: Any,
        size: tuple[int, int],
        samples: Sequence[SegDataSample],
        training: bool,
    ) -> dict[str, Any]:
        """What mmseg does with each image, in the same numbers."""
        shapes = [image.shape[-2:] for image in images]
        batch = sent_padded(images, size, self.device)
        if self._channel_conversion and batch.shape[1] == 3:
            batch = batch.flip(1)
        if self._enable_normalize and not batch.is_floating_point():
            # Whole numbers become float32 in the subtraction.
            batch = (batch - self.mean).div_(self.std)
        else:
            batch = batch.float()
            if self._enable_normalize:
                batch = (batch - self.mean).div_(self.std)
        if any(shape != size for shape in shapes):
            outside = padding(shapes, size, self.device)
            batch = batch.masked_fill(outside, self.pad_val)
        if not training:
            return {"inputs": batch, "data_samples": self._moved_samples(samples)}
        moved = self._moved_samples(samples, size)
        for shape, sample in zip(shapes, moved, strict=True):
            maps = _padded_fields(sample)
            info = {
                "img_shape": shape,
                "pad_shape": maps[-1].shape if maps else None,
                "padding_size": (0, size[1] - shape[1], 0, size[0] - shape[0]),
            }
            sample.set_metainfo(info)
        return {"inputs": batch, "data_samples": moved}

    def _moved_samples(
        self, samples: Sequence[SegDataSample], size: tuple[int, int] | None = None
    ) -> list[SegDataSample]:
        """Samples with their fields on the device, and label maps as int64.

        Args:
            samples: They stay as they are.
            size: Height and width to which the maps are padded that mmseg pads; None:
                none is padded.
        """
        moved = [shallow(sample) for sample in samples]
        for key in dict.fromkeys(itertools.chain(*(one.keys() for one in moved))):
            padded = size if key in MAPS else None
            self._move(key, [sample for sample in moved if key in sample], padded)
        return moved

    def _move(
        self,
        key: str,
        samples: Sequence[SegDataSample],
        size: tuple[int, int] | None,
    ) -> None:
        """Move a field of samples to the device, in one copy if it is a map."""
        fields = [sample.get(key) for sample in samples]
        if not all(is_map(field) for field in fields):
            for sample, field in zip(samples, fields, strict=True):
                setattr(sample, key, self.cast_data(field))
            return
        maps = [field.data for field in fields]
        labels = key in LABEL_MAPS and not any(map(torch.is_floating_point, maps))
        dtype = torch.int64 if labels else None
        if size is None or all(part.shape[-2:] == size for part in maps):
            moved = sent_each(maps, self.device, dtype)
        else:
            common = functools.reduce(torch.promote_types, (m.dtype for m in maps))
            if labels and not 0 <= self.seg_pad_val <= 255:
                common = torch.int64
            maps = [part.to(common) for part in maps]
            whole = sent_padded(maps, size, self.device, self.seg_pad_val)
            moved = list(whole.to(dtype or whole.dtype))
        for sample, part in zip(samples, moved, strict=True):
            setattr(sample, key, PixelData(data=part))


def _padded_fields(sample: SegDataSample) -> list[Any]:
    return [sample.get(key) for key in MAPS if key in sample]


STOCK = {SegDataPreProcessor, SemiDataPreprocessor}


def training_preprocessor(
    own: Mapping[str, Any] | None, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The config of a preprocessor that also takes named branches.

    Args:
        own: ``data_preprocessor`` of the segmentor; None: it has none.
        given: ``data_preprocessor`` of the model around it. It may add ``size``,
            ``size_divisor`` and ``test_cfg``; its other values must equal the
            segmentor's.

    Returns:
        The segmentor's config with the additions. mmseg's own type becomes
        ``SemiDataPreprocessor``; other types stay.

    Raises:
        ValueError: If the two contradict each other; the message names the keys and
            values.
    """
    merged = {**(own or {}), **(given or {})}
    if own and given:
        found = _contradictions(own, given)
        if found:
            raise ValueError(
                "model.data_preprocessor contradicts the segmentor's own "
                f"data_preprocessor: {found}; leave out one of the two"
            )
        for key, other in (PADDING, PADDING[::-1]):
            if given.get(key) is not None and given.get(other) is None:
                merged.pop(other, None)
    merged.pop(SCOPE_KEY, None)
    if is_stock(merged):
        merged["type"] = SemiDataPreprocessor.__name__
    return merged


def plain_preprocessor(cfg: Mapping[str, Any] | None) -> dict[str, Any]:
    """The config of mmseg's own preprocessor with the same effect.

    Args:
        cfg: A result of :func:`training_preprocessor`, or a part of it.
    """
    plain = dict(cfg or {})
    if is_stock(plain):
        plain["type"] = SegDataPreProcessor.__name__
        if plain.get("size") is None and plain.get("size_divisor") is None:
            plain["size_divisor"] = 1
    return plain


def is_stock(cfg: Mapping[str, Any]) -> bool:
    """Whether a preprocessor is mmseg's own, or its counterpart for named branches.

    Args:
        cfg: Its config; without ``type``, it counts as mmseg's own.
    """
    return cfg.get("type") is None or type_of(cfg, MODELS) in STOCK


def prepared_model(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a model with the preprocessor that it uses.

    As in mmengine, a top-level ``data_preprocessor`` is used by a model that has none,
    neither itself nor in its parts. A model's own has precedence over that of its
    segmentor. An unused one with other values gives a warning.

    Args:
        cfg: Config of a training, or a plain MMSegmentation config; it stays as it is.

    Returns:
        A copy of ``cfg.model``.
    """
    model = {key: copy.deepcopy(value) for key, value in cfg["model"].items()}
    top = cfg.get(KEY)
    stated = [part[KEY] for part in (model, *_parts(model)) if part.get(KEY)]
    if top and not stated:
        model[KEY] = copy.deepcopy(dict(top))
    elif top:
        found = [_differences(own, top, own.keys() | top.keys()) for own in stated]
        if all(found):
            warn(
                "the top-level data_preprocessor is not used, for the model has its "
                f"own, which says something else: {found[-1]}"
            )
    for outer in (model, *_parts(model)):
        for inner in _parts(outer):
            if outer.get(KEY) and inner.get(KEY):
                reason = _contradictions(inner[KEY], outer[KEY])
                if reason:
                    warn(
                        f"the segmentor's own {KEY} is not used; model.{KEY}: {reason}"
                    )
                    inner.pop(KEY)
    return model


def _parts(model: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Configs of the models within a model."""
    for key in OWNERS:
        if isinstance(model.get(key), dict):
            yield model[key]
            yield from _parts(model[key])


def _contradictions(own: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Describe contradictions of the preprocessors of a model and its segmentor."""
    both = {k for k in own.keys() & given.keys() if None not in (own[k], given[k])}
    return _differences(own, given, both | (given.keys() & DEFAULTS.keys()))


def _differences(
    own: Mapping[str, Any], other: Mapping[str, Any], keys: Iterable[str]
) -> str:
    """Describe differences between two preprocessors; empty without any."""
    found = []
    types = {type_of(cfg, MODELS) for cfg in (own, other) if cfg.get("type")}
    if len(types) > 1 and not types <= STOCK:
        found.append(f"type={other['type']!r} instead of {own['type']!r}")
    for key in sorted(set(keys) - {"type", SCOPE_KEY}):
        default = DEFAULTS.get(key)
        a, b = (_plain(cfg.get(key, default)) for cfg in (own, other))
        if a != b:
            found.append(f"{key}={b!r} instead of {a!r}")
    return ", ".join(found)


def _plain(value: Any) -> Any:
    """Convert sequences to lists, so that equal tuples and lists compare equal."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value
