"""Builds the plain segmentor of a config, or says why it cannot be trained."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from mmseg.models.decode_heads import (
    Mask2FormerHead,
    MaskFormerHead,
    PointHead,
    VPDDepthHead,
)
from mmseg.models.segmentors import DepthEstimator, EncoderDecoder
from mmseg.registry import MODELS

from mmseg_semisup.core.config_types import type_of

from ..step.decode_heads import LISTED
from ..step.prediction import check_segmentor

OTHER_HEADS = {
    Mask2FormerHead: "its forward returns masks and classes of queries",
    MaskFormerHead: "its forward returns masks and classes of queries",
    PointHead: "its forward classifies points",
    VPDDepthHead: "it predicts depth",
}


def build_segmentor(cfg: dict[str, Any]) -> EncoderDecoder:
    """Build a segmentor, and check that a step can read its prediction.

    Args:
        cfg: Config of an mmseg segmentor without its preprocessor.

    Raises:
        ValueError: If methods cannot use it, or mmcv lacks an operator that it needs.
    """
    check_segmentor_types(cfg)
    try:
        segmentor = MODELS.build(cfg)
    except RuntimeError as error:
        operator = re.match(r"Please install \S*mmcv for (\w+) ops", str(error))
        if operator is None:
            raise
        raise ValueError(
            f"the segmentor needs {operator.group(1)}, a compiled operator of mmcv, "
            "and the installed mmcv has none; install one that is compiled for your "
            "PyTorch"
        ) from error
    check_segmentor(segmentor)
    return segmentor


def check_segmentor_types(cfg: Mapping[str, Any]) -> None:
    """Refuse a segmentor whose class or head does not classify pixels.

    Args:
        cfg: Config of an mmseg segmentor.

    Raises:
        ValueError: If methods cannot use it; the message names the reason.
    """
    kind = type_of(cfg, MODELS)
    if inspect.isclass(kind):
        if issubclass(kind, DepthEstimator):
            raise ValueError(
                f"segmentor.type={kind.__name__!r} predicts depth; training with "
                "unlabelled images needs a segmentor that predicts classes, e.g. "
                "EncoderDecoder"
            )
        if not issubclass(kind, EncoderDecoder):
            raise ValueError(
                f"segmentor.type={kind.__name__!r}: training with unlabelled images "
                "needs mmseg's EncoderDecoder, CascadeEncoderDecoder or a class "
                "derived from them"
            )
    stated = cfg.get("decode_head")
    heads = stated if isinstance(stated, (list, tuple)) else [stated]
    head = type_of(heads[-1], MODELS)
    for other, reason in OTHER_HEADS.items():
        if inspect.isclass(head) and issubclass(head, other):
            raise ValueError(
                f"decode_head.type={head.__name__!r}: {reason}; training with "
                "unlabelled images needs a head whose forward returns the predicted "
                f"logits (N, C, H, W); {LISTED}"
            )
