"""Names of DINOv2's parameters, in the original files and in transformers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

NAMES = {
    "embeddings.cls_token": "cls_token",
    "embeddings.mask_token": "mask_token",
    "embeddings.register_tokens": "register_tokens",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "layernorm": "norm",
}
"""Name in transformers to the original one, without ``weight`` and ``bias``."""
BLOCK_NAMES = {
    "norm1": "norm1",
    "norm2": "norm2",
    "layer_scale1": "ls1",
    "layer_scale2": "ls2",
    "attention.o_proj": "attn.proj",
    "attention.output.dense": "attn.proj",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
    "mlp.weights_in": "mlp.w12",
    "mlp.weights_out": "mlp.w3",
    "mlp.down_proj": "mlp.w3",
}
"""The same within a block; names of published files and of transformers 5."""
ROWS = {
    "attention.q_proj": ("attn.qkv", 0, 3),
    "attention.k_proj": ("attn.qkv", 1, 3),
    "attention.v_proj": ("attn.qkv", 2, 3),
    "attention.attention.query": ("attn.qkv", 0, 3),
    "attention.attention.key": ("attn.qkv", 1, 3),
    "attention.attention.value": ("attn.qkv", 2, 3),
    "mlp.gate_proj": ("mlp.w12", 0, 2),
    "mlp.up_proj": ("mlp.w12", 1, 2),
}
"""Name of an equal part of an original parameter to that, its number, and their sum."""
_BLOCK = re.compile(r"encoder\.layer\.(\d+)\.(.+)\.(\w+)")
_CHUNKED = re.compile(r"blocks\.\d+\.(\d+\..+)")


class Place(NamedTuple):
    """Where an original file has a parameter.

    Attributes:
        name: Name of the original parameter.
        part: Number of the equal part of its rows, from 0.
        parts: Number of parts.
    """

    name: str
    part: int = 0
    parts: int = 1


def place_of(name: str) -> Place:
    """The place of a parameter in original files.

    Args:
        name: Name in transformers, of any version.

    Raises:
        ValueError: If DINOv2 has no such parameter.
    """
    found = _BLOCK.fullmatch(name)
    if found:
        number, inner, kind = found.groups()
        kind = "gamma" if kind == "lambda1" else kind
        original, part, parts = ROWS.get(inner) or (BLOCK_NAMES.get(inner), 0, 1)
        if original:
            return Place(f"blocks.{number}.{original}.{kind}", part, parts)
    for own, original in NAMES.items():
        if name == own or name in (f"{own}.weight", f"{own}.bias"):
            return Place(original + name[len(own) :])
    raise ValueError(f"{name!r} is no parameter of DINOv2")


def is_original(state: Mapping[str, Tensor]) -> bool:
    """Whether the names are those of original files.

    Args:
        state: Name to parameter.
    """
    return "patch_embed.proj.weight" in state and "pos_embed" in state


def from_original(
    state: Mapping[str, Tensor], names: Iterable[str]
) -> dict[str, Tensor]:
    """Name the parameters of an original file as transformers does.

    Args:
        state: Name to parameter, of DINOv2 with or without registers.
        names: Names of the result, of any version of transformers.

    Returns:
        Those of the parameters that the file has.
    """
    # Meta's training code divides the blocks into chunks.
    state = {_CHUNKED.sub(r"blocks.\1", name): value for name, value in state.items()}
    places = {name: place_of(name) for name in names}
    return {
        name: state[place.name].chunk(place.parts)[place.part]
        for name, place in places.items()
        if place.name in state
    }


def to_original(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name the parameters of a transformers model as in original files.

    Args:
        state: Name to parameter, of any version of transformers.

    Raises:
        ValueError: If DINOv2 has no such parameter.
    """
    rows: dict[str, dict[int, Tensor]] = {}
    for name, value in state.items():
        place = place_of(name)
        rows.setdefault(place.name, {})[place.part] = value
    return {
        name: parts[0]
        if len(parts) == 1
        else torch.cat([parts[i] for i in sorted(parts)])
        for name, parts in rows.items()
    }
