"""Hands facts of the segmentor down to the configs of other parts."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmseg.models.segmentors import EncoderDecoder

from .seg_output import last_head


class Facts(NamedTuple):
    """Facts of a segmentor that other parts need.

    Attributes:
        head: Name of the class of the decode head whose logits are the prediction.
        num_classes: Number of classes.
        embedding_channels: Channels in front of the head's classifier ``conv_seg``;
            None if the head has no such module.
        align_corners: ``align_corners`` of the resize of the head's logits.
    """

    head: str
    num_classes: int
    embedding_channels: int | None
    align_corners: bool


def facts_of(segmentor: EncoderDecoder) -> Facts:
    """Read the facts from a built segmentor."""
    head = last_head(segmentor)
    classifier = getattr(head, "conv_seg", None)
    channels = getattr(classifier, "in_channels", None)
    return Facts(type(head).__name__, head.num_classes, channels, head.align_corners)


def hand_down(
    cfg: Mapping[str, Any],
    takes: Mapping[str, str],
    facts: Facts,
    where: str,
    may_exceed: Sequence[str] = (),
) -> dict[str, Any]:
    """Complete a part's config with facts of the segmentor.

    Args:
        cfg: Config of the part.
        takes: Key of the config, dots between levels, to the name of a fact. A key
            whose parent is missing or None is skipped.
        facts: Facts of the segmentor.
        where: Name of the part, for messages.
        may_exceed: Keys whose value may be greater than the fact.

    Returns:
        A copy of the config.

    Raises:
        ValueError: If the config contradicts a fact, or the segmentor lacks it.
    """
    completed = copy.deepcopy(dict(cfg))
    for path, fact in takes.items():
        *parents, key = path.split(".")
        node: Any = completed
        for parent in parents:
            node = node.get(parent) if isinstance(node, Mapping) else None
        if not isinstance(node, dict):
            continue
        value = getattr(facts, fact)
        if value is None:
            raise ValueError(
                f"{where}: {facts.head} has no classifier `conv_seg`, so there is no "
                "embedding in front of it; set segmentor.decode_head to a head derived "
                "from mmseg's BaseDecodeHead, or name the head's classifier `conv_seg`"
            )
        stated = node.setdefault(key, value)
        if stated != value and not (path in may_exceed and stated > value):
            raise ValueError(
                f"{where}.{path}={stated!r}, but the {fact} of the segmentor's "
                f"{facts.head} is {value!r}; leave the key out, or make them equal"
            )
    return completed
