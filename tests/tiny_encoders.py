"""Encoders that are small enough for a test, and their published definitions."""

from __future__ import annotations

import torch
from torch.nn import functional as F

DINOV2 = {
    "model_type": "dinov2",
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "mlp_ratio": 2,
    "image_size": 70,
    "patch_size": 14,
    "use_mask_token": False,
}
REGISTERS = {
    **{k: v for k, v in DINOV2.items() if k != "use_mask_token"},
    "model_type": "dinov2_with_registers",
    "num_register_tokens": 4,
}
DINOV3 = {
    "model_type": "dinov3_vit",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "num_register_tokens": 4,
    "patch_size": 16,
}
CONVNEXT = {
    "model_type": "dinov3_convnext",
    "depths": [1, 1, 1, 1],
    "hidden_sizes": [4, 8, 12, 16],
}
ALL = {"dinov2": DINOV2, "registers": REGISTERS, "dinov3": DINOV3, "convnext": CONVNEXT}


def original_state(
    width: int, layers: int, tokens: int, hidden: int, patch: int = 14, swiglu=False
) -> dict[str, torch.Tensor]:
    """Random numbers under the names, and with the shapes, of Meta's DINOv2 files."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return 0.1 * torch.randn(shape, generator=generator)

    def layer(name: str, out: int, into: int) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": draw(out, into), f"{name}.bias": draw(out)}

    def norm(name: str) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": 1 + draw(width), f"{name}.bias": draw(width)}

    state = {
        "cls_token": draw(1, 1, width),
        "pos_embed": draw(1, tokens + 1, width),
        "mask_token": draw(1, width),
        "patch_embed.proj.weight": draw(width, 3, patch, patch),
        "patch_embed.proj.bias": draw(width),
        **norm("norm"),
    }
    for i in range(layers):
        block = {
            **norm("norm1"),
            **norm("norm2"),
            **layer("attn.qkv", 3 * width, width),
            **layer("attn.proj", width, width),
            "ls1.gamma": draw(width),
            "ls2.gamma": draw(width),
        }
        if swiglu:
            block |= layer("mlp.w12", 2 * hidden, width)
            block |= layer("mlp.w3", width, hidden)
        else:
            block |= layer("mlp.fc1", hidden, width)
            block |= layer("mlp.fc2", width, hidden)
        state.update({f"blocks.{i}.{name}": value for name, value in block.items()})
    return state


def unimatch_v2_state(
    width: int, features: int, channels: list[int], classes: int, **encoder
) -> dict[str, torch.Tensor]:
    """Random numbers under the names of UniMatch V2's checkpoints, see its dpt.py."""
    generator = torch.Generator().manual_seed(1)
    state = {f"backbone.{k}": v for k, v in original_state(width, **encoder).items()}

    def conv(name: str, out: int, into: int, size: int, bias=True) -> None:
        scale = (into * size * size) ** -0.5
        draw = torch.randn(out, into, size, size, generator=generator)
        state[f"head.{name}.weight"] = scale * draw
        if bias:
            state[f"head.{name}.bias"] = 0.1 * torch.randn(out, generator=generator)

    for i, out in enumerate(channels):
        conv(f"projects.{i}", out, width, 1)
        conv(f"scratch.layer{i + 1}_rn", features, out, 3, bias=False)
    for i, size in ((0, 4), (1, 2), (3, 3)):
        conv(f"resize_layers.{i}", channels[i], channels[i], size)
    for i in range(1, 5):
        block = f"scratch.refinenet{i}"
        for unit in ("resConfUnit1", "resConfUnit2"):
            conv(f"{block}.{unit}.conv1", features, features, 3)
            conv(f"{block}.{unit}.conv2", features, features, 3)
        conv(f"{block}.out_conv", features, features, 1)
    conv("scratch.output_conv.0", features, features, 3)
    conv("scratch.output_conv.2", classes, features, 1)
    return state


def encode_by_definition(state, x, heads, outputs, offset=0.1):
    """DINOv2, written down a second time from the tensors of an original file."""

    def linear(x, name):
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    def norm(x, name):
        weights = (state[f"{name}.weight"], state[f"{name}.bias"])
        return F.layer_norm(x, x.shape[-1:], *weights, eps=1e-6)

    width = state["cls_token"].shape[-1]
    patch = state["patch_embed.proj.weight"].shape[-1]
    x = F.conv2d(
        x, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], patch
    )
    n, _, rows, columns = x.shape
    side = int((state["pos_embed"].shape[1] - 1) ** 0.5)
    grid = state["pos_embed"][:, 1:].reshape(1, side, side, width).permute(0, 3, 1, 2)
    if (rows, columns) != (side, side):
        factor = ((rows + offset) / side, (columns + offset) / side)
        grid = F.interpolate(grid, scale_factor=factor, mode="bicubic")
    x = (x + grid).flatten(2).transpose(1, 2)
    first = state["cls_token"] + state["pos_embed"][:, :1]
    x = torch.cat([first.expand(n, -1, -1), x], 1)
    maps = []
    for i in range(max(outputs) + 1):
        block = f"blocks.{i}."
        qkv = linear(norm(x, block + "norm1"), block + "attn.qkv")
        q, k, v = qkv.reshape(n, -1, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        attention = (q @ k.transpose(-1, -2) * (width // heads) ** -0.5).softmax(-1)
        mixed = (attention @ v).transpose(1, 2).reshape(n, -1, width)
        x = x + state[block + "ls1.gamma"] * linear(mixed, block + "attn.proj")
        h = norm(x, block + "norm2")
        if block + "mlp.w12.weight" in state:
            gate, up = linear(h, block + "mlp.w12").chunk(2, -1)
            h = linear(F.silu(gate) * up, block + "mlp.w3")
        else:
            h = linear(F.gelu(linear(h, block + "mlp.fc1")), block + "mlp.fc2")
        x = x + state[block + "ls2.gamma"] * h
        if i in outputs:
            tokens = norm(x, "norm")[:, 1:]
            maps.append(tokens.transpose(1, 2).reshape(n, width, rows, columns))
    return maps


def decode_by_definition(state, maps):
    """The published decoder, written down a second time from the authors' names."""

    def conv(x, name, function=F.conv2d, **more):
        bias = state.get(f"head.{name}.bias")
        return function(x, state[f"head.{name}.weight"], bias, **more)

    def unit(x, name):
        y = conv(F.relu(x), f"{name}.conv1", padding=1)
        return x + conv(F.relu(y), f"{name}.conv2", padding=1)

    levels = [conv(x, f"projects.{i}") for i, x in enumerate(maps)]
    levels[0] = conv(levels[0], "resize_layers.0", F.conv_transpose2d, stride=4)
    levels[1] = conv(levels[1], "resize_layers.1", F.conv_transpose2d, stride=2)
    levels[3] = conv(levels[3], "resize_layers.3", stride=2, padding=1)
    levels = [
        conv(x, f"scratch.layer{i + 1}_rn", padding=1) for i, x in enumerate(levels)
    ]
    path = unit(levels[3], "scratch.refinenet4.resConfUnit2")
    for i in (4, 3, 2, 1):
        if i < 4:
            skip = unit(levels[i - 1], f"scratch.refinenet{i}.resConfUnit1")
            path = unit(path + skip, f"scratch.refinenet{i}.resConfUnit2")
        size = levels[i - 2].shape[2:] if i > 1 else [2 * n for n in path.shape[2:]]
        path = F.interpolate(path, tuple(size), mode="bilinear", align_corners=True)
        path = conv(path, f"scratch.refinenet{i}.out_conv")
    hidden = F.relu(conv(path, "scratch.output_conv.0", padding=1))
    return conv(hidden, "scratch.output_conv.2")
