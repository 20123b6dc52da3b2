"""Configurations of today's encoders, so that no file is needed to build them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _dinov2(width: int, layers: int, heads: int, **more: Any) -> dict[str, Any]:
    return {
        "model_type": "dinov2",
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "patch_size": 14,
        "image_size": 518,
        # Only pre-training masks patches.
        "use_mask_token": False,
        **more,
    }


def _dinov2_registers(config: dict[str, Any]) -> dict[str, Any]:
    shared = {k: v for k, v in config.items() if k != "use_mask_token"}
    more = {"model_type": "dinov2_with_registers", "num_register_tokens": 4}
    return {**shared, **more}


def _dinov3_vit(
    width: int, inner: int, layers: int, heads: int, **more: Any
) -> dict[str, Any]:
    return {
        "model_type": "dinov3_vit",
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_register_tokens": 4,
        "patch_size": 16,
        **more,
    }


def _dinov3_convnext(depths: list[int], widths: list[int]) -> dict[str, Any]:
    return {"model_type": "dinov3_convnext", "depths": depths, "hidden_sizes": widths}


_DINOV2 = {
    "dinov2-small": _dinov2(384, 12, 6),
    "dinov2-base": _dinov2(768, 12, 12),
    "dinov2-large": _dinov2(1024, 24, 16),
    "dinov2-giant": _dinov2(1536, 40, 24, use_swiglu_ffn=True),
}
ENCODERS: dict[str, dict[str, Any]] = {
    **_DINOV2,
    **{f"{k}-registers": _dinov2_registers(v) for k, v in _DINOV2.items()},
    "dinov3-vits16": _dinov3_vit(384, 1536, 12, 6),
    "dinov3-vits16plus": _dinov3_vit(384, 1536, 12, 6, use_gated_mlp=True),
    "dinov3-vitb16": _dinov3_vit(768, 3072, 12, 12),
    "dinov3-vitl16": _dinov3_vit(1024, 4096, 24, 16),
    "dinov3-vith16plus": _dinov3_vit(1280, 5120, 32, 20, use_gated_mlp=True),
    "dinov3-convnext-tiny": _dinov3_convnext([3, 3, 9, 3], [96, 192, 384, 768]),
    "dinov3-convnext-small": _dinov3_convnext([3, 3, 27, 3], [96, 192, 384, 768]),
    "dinov3-convnext-base": _dinov3_convnext([3, 3, 27, 3], [128, 256, 512, 1024]),
    "dinov3-convnext-large": _dinov3_convnext([3, 3, 27, 3], [192, 384, 768, 1536]),
}
"""Name to the configuration of a published encoder, in the words of transformers."""

TRANSFORMER_OUTPUTS = {
    12: (2, 5, 8, 11),
    24: (4, 11, 17, 23),
    40: (9, 19, 29, 39),
}
"""Number of blocks to the four that DPT reads (Yang et al., Oquab et al.)."""


def default_outputs(stages: int) -> tuple[int, ...]:
    """The outputs of an encoder where a config names none.

    Args:
        stages: Number of blocks of a transformer, or of stages.

    Returns:
        Indices from 0: those of DINOv2's depths; else the last one of each quarter; all
        where there are at most four.
    """
    if stages <= 4:
        return tuple(range(stages))
    quarters = tuple(stages * (i + 1) // 4 - 1 for i in range(4))
    return TRANSFORMER_OUTPUTS.get(stages, quarters)


def encoder_patch(arch: str | Mapping[str, Any]) -> int | None:
    """Side in pixels of a transformer's patches, as far as it is known here.

    Args:
        arch: A name of :data:`ENCODERS`, or a configuration with its ``model_type``.

    Returns:
        The side; None: images of any size are taken, or only a file tells.
    """
    config = ENCODERS.get(arch, {}) if isinstance(arch, str) else arch
    side = config.get("patch_size")
    return side if isinstance(side, int) and "depths" not in config else None
