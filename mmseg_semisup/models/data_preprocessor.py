"""mmseg's data preprocessor for batches with named branches, and its config.

The config of the segmentor decides how images are prepared. The model that wraps it may
repeat that and add the padding of training batches, but must not contradict it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS

from mmseg_semisup.core.config_types import SCOPE_KEY, type_of
from mmseg_semisup.core.distributed import warn

KEY = "data_preprocessor"
OWNERS = ("segmentor", "module")
"""Keys of models within a model, which have a preprocessor of their own."""
PADDING = ("size", "size_divisor")
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
        # Blocking copies of single images would wait for the device N times a step.
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
        if not isinstance(data["inputs"], dict):
            return super().forward(data, training)
        branches = {
            name: super(SemiDataPreprocessor, self).forward(
                {"inputs": images, "data_samples": data["data_samples"][name]}, training
            )
            for name, images in data["inputs"].items()
        }
        return {
            key: {name: batch[key] for name, batch in branches.items()}
            for key in ("inputs", "data_samples")
        }


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
