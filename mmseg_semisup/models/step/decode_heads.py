"""The decode heads of a segmentor, and their outputs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch.nn as nn
from mmengine.model import BaseModule
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor

# For messages about heads.
LISTED = "docs/heads.md lists the heads that work"


def decode_heads(segmentor: EncoderDecoder) -> list[BaseModule]:
    """The decode head, or the stages of a cascade in order."""
    head = segmentor.decode_head
    return list(head) if isinstance(head, nn.ModuleList) else [head]


def last_head(segmentor: EncoderDecoder) -> BaseModule:
    """The decode head whose logits are the prediction."""
    return decode_heads(segmentor)[-1]


def run_heads(
    heads: Sequence[BaseModule], feats: Sequence[Tensor] | Tensor
) -> list[Any]:
    """Run each decode head; a stage of a cascade also gets the last output."""
    outputs: list[Any] = []
    for head in heads:
        outputs.append(head.forward(feats, *outputs[-1:]))
    return outputs


def maps_of(output: object) -> Mapping[Hashable, object]:
    """The maps in a head's output, by index or key; a single map under None."""
    if isinstance(output, Mapping):
        return output
    if isinstance(output, (list, tuple)):
        return dict(enumerate(output))
    return {None: output}
