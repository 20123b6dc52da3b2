"""Released checkpoints of https://github.com/LiheYoung/UniMatch-V2 (MIT)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

from mmseg_semisup.core.checkpoint import load_checkpoint_file

from ..backbones.dinov2_names import to_original

SCHEME = "unimatch-v2://"
HEAD = (
    (r"projects\.(\d)", "projects.{0}"),
    (r"resize_layers\.(\d)", "resizers.{0}"),
    (r"scratch\.layer(\d)_rn", "adapters.{0}"),
    (r"scratch\.refinenet(\d)\.resConfUnit1", "fusions.{0}.skip"),
    (r"scratch\.refinenet(\d)\.resConfUnit2", "fusions.{0}.unit"),
    (r"scratch\.refinenet(\d)\.out_conv", "fusions.{0}.project"),
    (r"scratch\.output_conv\.0", "hidden"),
    (r"scratch\.output_conv\.2", "conv_seg"),
)
"""Patterns of the names in the authors' head to ours; some of theirs count from 1."""
UNUSED = "scratch.refinenet4.resConfUnit1"
"""Part of the authors' head that their forward pass never calls."""


def from_unimatch_v2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name the weights of the authors' network as a segmentor with our head has them.

    Args:
        state: Name to tensor, with ``backbone.`` and ``head.``, also in ``module.``.

    Returns:
        ``backbone.`` with the original names, which ``TransformersBackbone`` reads, and
        ``decode_head.`` of ``UniMatchDPTHead``.

    Raises:
        ValueError: If a name is not one of theirs.
    """
    renamed: dict[str, Tensor] = {}
    for name, value in state.items():
        name = name.removeprefix("module.")
        if name.startswith("backbone."):
            renamed[name] = value
        elif not name.startswith(f"head.{UNUSED}"):
            renamed[f"decode_head.{_own_name(name)}"] = value
    return renamed


def to_unimatch_v2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name the weights of a segmentor as the authors' code has them.

    Args:
        state: Name to tensor, of a segmentor with ``TransformersBackbone`` of a DINOv2
            and ``UniMatchDPTHead``.

    Returns:
        With ``backbone.`` and ``head.``; parts that are never used are zero.
    """
    encoder = "backbone.encoder."
    inside = {k[len(encoder) :]: v for k, v in state.items() if k.startswith(encoder)}
    original = to_original(inside)
    original.setdefault("mask_token", torch.zeros_like(original["cls_token"][0]))
    renamed = {f"backbone.{name}": value for name, value in original.items()}
    for name, value in state.items():
        if name.startswith("decode_head."):
            renamed[f"head.{_their_name(name.removeprefix('decode_head.'))}"] = value
    unused, like = f"head.{UNUSED}.", "head.scratch.refinenet4.resConfUnit2."
    for name in [name for name in renamed if name.startswith(like)]:
        value = torch.zeros_like(renamed[name])
        renamed[unused + name.removeprefix(like)] = value
    return renamed


@CheckpointLoader.register_scheme(prefixes=SCHEME)
def load_unimatch_v2(filename: str, map_location: str | None = None) -> dict[str, Any]:
    """Load a released file, ``unimatch-v2://PATH``: the average of its student.

    Args:
        filename: The scheme and the path; ``/absolute`` needs three strokes.
        map_location: As in :func:`torch.load`.
    """
    file = Path(filename.removeprefix(SCHEME)).expanduser()
    content = load_checkpoint_file(file, map_location)
    for key in ("model_ema", "model"):
        if key in content:
            return from_unimatch_v2(content[key])
    return from_unimatch_v2(content)


def _own_name(name: str) -> str:
    inner, _, kind = name.removeprefix("head.").rpartition(".")
    for pattern, target in HEAD:
        found = re.match(rf"{pattern}(?=\.conv\d$|$)", inner)
        if found and name.startswith("head."):
            first = 1 if pattern.startswith("scratch") else 0
            numbers = [int(number) - first for number in found.groups()]
            return f"{target.format(*numbers)}{inner[found.end() :]}.{kind}"
    raise ValueError(f"{name!r} is no weight of UniMatch V2's network")


def _their_name(name: str) -> str:
    inner, _, kind = name.rpartition(".")
    for pattern, target in HEAD:
        ours = re.escape(target).replace(r"\{0\}", r"(\d)")
        found = re.match(rf"{ours}(?=\.conv\d$|$)", inner)
        if found:
            first = 1 if pattern.startswith("scratch") else 0
            theirs = pattern.replace("\\.", ".")
            for number in found.groups():
                theirs = theirs.replace(r"(\d)", str(int(number) + first))
            return f"{theirs}{inner[found.end() :]}.{kind}"
    raise ValueError(f"{name!r} is no weight of UniMatchDPTHead")
