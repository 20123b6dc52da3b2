"""The stride of a network's features, as far as its config tells it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

from mmseg.models.backbones import ResNet
from mmseg.registry import MODELS

from mmseg_semisup.core.config_types import argument, is_type, type_of
from mmseg_semisup.models.backbones import TransformersBackbone, encoder_patch

from .record import Record

STEM_STRIDE = 4
"""Stride of a ResNet in front of its first stage."""


def aligned_crop(
    crop: Mapping[str, Any], model: Mapping[str, Any], record: Record
) -> dict[str, Any]:
    """Let two crops be apart by whole features of the network.

    Args:
        crop: The block's crop, with ``align`` in pixels or without.
        model: Config of the segmentor.
        record: Takes a note of another ``align``.
    """
    if "align" not in crop:
        return dict(crop)
    align = math.lcm(crop["align"], feature_stride(model))
    if align != crop["align"]:
        record.note(
            f"crops are apart by multiples of {align} pixels instead of "
            f"{crop['align']}, because features have this stride"
        )
    return {**crop, "align": align}


def feature_stride(model: Mapping[str, Any]) -> int:
    """Stride in pixels of a vision transformer's, or of a ResNet's last features.

    Args:
        model: Config of the segmentor.

    Returns:
        The stride; 1 if the config does not tell it, or a neck or a decoder that also
        reads early features, such as DeepLabv3+'s, refines it.
    """
    backbone = model.get("backbone") or {}
    patch = argument(backbone, MODELS, "patch_size")
    if is_type(backbone, MODELS, TransformersBackbone):
        return encoder_patch(backbone.get("arch", "")) or 1
    if isinstance(patch, int) and "strides" not in backbone:
        return patch
    kind = type_of(backbone, MODELS)
    if not (inspect.isclass(kind) and issubclass(kind, ResNet)):
        return 1
    heads = model.get("decode_head")
    head = heads[-1] if isinstance(heads, (list, tuple)) else heads or {}
    index = argument(head, MODELS, "in_index")
    refined = model.get("neck") is not None or argument(head, MODELS, "c1_in_channels")
    if not isinstance(index, int) or refined:
        return 1
    strides = argument(backbone, MODELS, "strides")
    return STEM_STRIDE * math.prod(strides[: index % len(strides) + 1])
