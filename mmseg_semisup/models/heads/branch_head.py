"""The config of a decode head for an auxiliary branch, from the segmentor's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import ConfigDict
from mmseg.models.segmentors import EncoderDecoder

from ..step.decode_heads import last_head
from ..step.prediction import prediction_of

INNER = "kernel_generate_head"
"""Key of the plain head within mmseg's K-Net, which reads the same features."""
SHARED = ("in_channels", "in_index", "input_transform", "align_corners")


def branch_head(segmentor: EncoderDecoder, decode_head: Any) -> dict[str, Any]:
    """Make the config of a further head that reads the same features.

    It is a copy of the segmentor's head; of the first stage of a cascade, whose input
    is the features; or, of a head that returns several maps, a plain ``FCNHead`` of the
    same input.

    Args:
        segmentor: The built segmentor.
        decode_head: Config of its decode head, or of the stages of a cascade.
    """
    if isinstance(decode_head, (list, tuple)):
        return _copy(decode_head[0])
    if INNER in decode_head:
        return _copy(decode_head[INNER])
    place = prediction_of(segmentor)
    if place.training is None and place.evaluation is None:
        return _copy(decode_head)
    head = last_head(segmentor)
    plain = {key: getattr(head, key) for key in SHARED}
    return {
        "type": "FCNHead",
        **plain,
        "channels": head.channels,
        "num_convs": 1,
        "concat_input": False,
        "norm_cfg": head.norm_cfg,
        "num_classes": head.num_classes,
    }


def _copy(cfg: Mapping[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = ConfigDict(cfg).to_dict()
    # The objective has a loss of its own, and the classes may be others.
    for key in ("loss_decode", "sampler", "out_channels"):
        copied.pop(key, None)
    return copied
