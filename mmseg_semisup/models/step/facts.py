"""Hands facts of the segmentor down to the configs of other parts."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS

from mmseg_semisup.core.config_types import type_of

from .seg_output import last_head


class Facts(NamedTuple):
    """Facts of a segmentor that other parts need.

    Attributes:
        head: Name of the class of the decode head whose logits are the prediction.
        num_classes: Number of classes.
        embedding_channels: Channels in front of the head's classifier ``conv_seg``;
            None if the head has no such module.
        align_corners: ``align_corners`` of the resize of the head's logits.
        branch_head: Config of a further head on the same features; None: unknown.
        backbone: Config of the backbone; None: unknown.
    """

    head: str
    num_classes: int
    embedding_channels: int | None
    align_corners: bool
    branch_head: dict[str, Any] | None = None
    backbone: dict[str, Any] | None = None


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
            whose parent is missing or None is skipped. The fact ``branch_head``
            completes a config without ``type``; another backbone may be stated.
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
        if fact == "branch_head":
            node[key] = _completed(node.get(key), value)
            continue
        if fact == "backbone" and (value is None or key in node):
            continue
        if value is None:
            raise ValueError(
                f"{where}: {facts.head} has no classifier `conv_seg`, so there is no "
                "embedding in front of it; set segmentor.decode_head to a head derived "
                "from mmseg's BaseDecodeHead, or name the head's classifier `conv_seg`"
            )
        stated = node.setdefault(key, copy.deepcopy(value))
        if stated != value and not (path in may_exceed and stated > value):
            raise ValueError(
                f"{where}.{path}={stated!r}, but the {fact} of the segmentor's "
                f"{facts.head} is {value!r}; leave the key out, or make them equal"
            )
    return completed


def hand_to_policies(
    cfg: Mapping[str, Any], facts: Facts, where: str
) -> dict[str, Any]:
    """Complete the configs of policies within a part's config.

    A policy is a dict whose registered class has ``takes``; it may hold others.

    Args:
        cfg: Config of the part.
        facts: Facts of the segmentor.
        where: Name of the part, for messages.

    Returns:
        A copy of the config.

    Raises:
        ValueError: If a policy contradicts a fact, or the segmentor lacks it.
    """
    completed = dict(cfg)
    for key, node in cfg.items():
        takes = _takes(node)
        if takes is not None:
            path = f"{where}.{key}"
            policy = hand_down(node, takes, facts, path)
            completed[key] = hand_to_policies(policy, facts, path)
    return completed


def _takes(node: Any) -> Mapping[str, str] | None:
    if not isinstance(node, Mapping) or "type" not in node:
        return None
    return getattr(type_of(node, MODELS), "takes", None)


def _completed(stated: Any, head: dict[str, Any] | None) -> Any:
    if head is None or (isinstance(stated, Mapping) and "type" in stated):
        return stated
    return {**copy.deepcopy(head), **(stated or {})}
