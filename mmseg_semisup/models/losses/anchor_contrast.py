"""The contrastive loss of anchors, whose products with the negatives are not stored.

The products are computed in tiles of anchors x negatives. As gradients go to the
anchors only, they are summed in the forward pass together with the loss, and the
backward pass computes nothing again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

PRECISIONS = ("float32", "tf32", "bfloat16")
CPU_ELEMENTS = 2**18
"""Elements of a tile that stays in the cache of a CPU's core."""
CPU_ANCHORS = 512
SHARE = 16
"""A tile takes at most this part of a GPU's memory: one in so many bytes."""
BYTES = 8
"""Of an element: its logit, its mask, and what a product of less precision needs."""
LEAST_ANCHORS = 1024
"""Below so many rows, products on a GPU are slower."""
STEEP = 30.0
"""From this 1 / temperature on, quotients of ``exp`` of logits could overflow."""


def anchor_contrast(
    anchors: Tensor,
    positives: Tensor,
    labels: Tensor,
    negatives: Tensor,
    negative_labels: Tensor,
    temperature: float = 0.1,
    precision: str = "float32",
) -> Tensor:
    """``-log(r(a, p) / (r(a, p) + sum_n r(a, n)))``, ``r(a, b) = exp(a.b / tau)``.

    The sum runs over the negatives whose label is not the anchor's (Lai et al., CVPR
    2021, Eqs. 1 and 5). Autocast does not apply: ``precision`` says how the two
    products with the negatives are computed, and all else is at least float32.

    Args:
        anchors: (A, D), float, of length 1; the only argument that gradients go to.
        positives: (A, D), float, of length 1.
        labels: (A,), int64.
        negatives: (K, D), float, of length 1.
        negative_labels: (K,), int64.
        temperature: tau.
        precision: 'float32', as torch is set; 'tf32', which rounds factors to 10 bits
            on a GPU that has it, and changes nothing elsewhere; 'bfloat16', which
            rounds them to 7 bits.

    Returns:
        (A,), float32, or float64 for float64 anchors.

    Raises:
        ValueError: If the precision does not exist.

    Example:
        >>> anchors, positives = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]])
        >>> negatives = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
        >>> labels, negative_labels = torch.tensor([0]), torch.tensor([1, 0])
        >>> anchor_contrast(  # log(1 + exp(0 - 0.6)): the second has the anchor's label
        ...     anchors, positives, labels, negatives, negative_labels, temperature=1
        ... )
        tensor([0.4375])
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"anchor_contrast: precision={precision!r}; allowed: {PRECISIONS}"
        )
    dtype = torch.promote_types(anchors.dtype, torch.float32)
    with torch.autocast(anchors.device.type, enabled=False):
        return _AnchorContrast.apply(  # type: ignore[no-untyped-call]  # torch gives `apply` no types
            anchors.to(dtype),
            positives.detach().to(dtype),
            labels,
            negatives.detach().to(dtype),
            negative_labels,
            temperature,
            precision,
        )


def tile_on_cpu(anchors: int, negatives: int) -> tuple[int, int]:
    """Rows and columns of a tile that stays in a core's cache.

    Args:
        anchors: Number of anchors.
        negatives: Number of negatives.
    """
    height = max(min(anchors, CPU_ANCHORS), 1)
    return height, max(min(CPU_ELEMENTS // height, negatives), 1)


def tile_in_memory(anchors: int, negatives: int, memory: int) -> tuple[int, int]:
    """Rows and columns of the largest tile, or one of several of equal height.

    It follows from the device's whole memory, not from what is free at the moment, so
    that a repeated training adds up the same numbers in the same order.

    Args:
        anchors: Number of anchors.
        negatives: Number of negatives.
        memory: Bytes of the device.

    Example:
        >>> tile_in_memory(6400, 51200, 80 * 2**30)
        (6400, 51200)
        >>> tile_in_memory(6400, 51200, 8 * 2**30)
        (1280, 51200)
    """
    elements = max(memory // (SHARE * BYTES), 1)
    height = min(max(elements // max(negatives, 1), LEAST_ANCHORS), anchors, elements)
    height = max(height, 1)
    height = -(-anchors // max(-(-anchors // height), 1))
    return max(height, 1), max(min(elements // max(height, 1), negatives), 1)


def tile_for(anchors: Tensor, negatives: Tensor) -> tuple[int, int]:
    """Rows and columns of the tiles on the tensors' device.

    Args:
        anchors: (A, D).
        negatives: (K, D).
    """
    if anchors.is_cuda:
        memory = torch.cuda.get_device_properties(anchors.device).total_memory
        return tile_in_memory(len(anchors), len(negatives), memory)
    return tile_on_cpu(len(anchors), len(negatives))


class _AnchorContrast(torch.autograd.Function):
    """Stores (A, D) numbers for the backward pass, the size of the anchors."""

    @staticmethod
    def forward(
        ctx: Any,
        anchors: Tensor,
        positives: Tensor,
        labels: Tensor,
        negatives: Tensor,
        negative_labels: Tensor,
        temperature: float,
        precision: str,
    ) -> Tensor:
        needs_gradient = ctx.needs_input_grad[0]
        losses = torch.empty_like(anchors[:, 0])
        gradient = torch.empty_like(anchors) if needs_gradient else None
        height, width = tile_for(anchors, negatives)
        fill = _fill if 1 / temperature < STEEP else _fill_steep
        if precision == "bfloat16":
            negatives = negatives.bfloat16()
        pairs = zip(negatives.split(width), negative_labels.split(width), strict=True)
        tiles = list(pairs) if len(negatives) else []
        with _tf32(precision == "tf32"):
            for start in range(0, len(anchors), height):
                rows = slice(start, start + height)
                fill(
                    anchors[rows] / temperature,
                    positives[rows],
                    labels[rows].unsqueeze(1),
                    tiles,
                    losses[rows],
                    None if gradient is None else gradient[rows],
                )
        if gradient is not None:
            ctx.save_for_backward(gradient.div_(temperature))
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return (gradient * upstream.unsqueeze(1), *[None] * 6)


Tiles = Sequence[tuple[Tensor, Tensor]]
"""Some of the negatives, (k, D), and their labels, (k,)."""


def _fill(
    scaled: Tensor,
    positives: Tensor,
    labels: Tensor,
    tiles: Tiles,
    losses: Tensor,
    gradient: Tensor | None,
) -> None:
    """Fill losses, and gradients towards ``scaled``, of some anchors.

    With P the ``exp`` of the positive's logit and N the sum of those of the negatives,
    the loss is log(1 + N / P), and its gradient (sum_n exp_n n - N p) / (N + P).
    """
    own = (scaled * positives).sum(dim=1).exp_()
    total = torch.zeros_like(own)
    if gradient is not None:
        gradient.zero_()
    for values, keys in tiles:
        tile = _logits(scaled, values).masked_fill_(labels == keys, -torch.inf).exp_()
        total += tile.sum(dim=1)
        if gradient is not None:
            _add_expected(gradient, tile, values)
    torch.log1p(total / own, out=losses)
    if gradient is not None:
        gradient.addcmul_(positives, total.unsqueeze(1), value=-1)
        gradient.div_(own.add_(total).unsqueeze(1))


def _fill_steep(
    scaled: Tensor,
    positives: Tensor,
    labels: Tensor,
    tiles: Tiles,
    losses: Tensor,
    gradient: Tensor | None,
) -> None:
    """:func:`_fill` for logits of any size: relative to the highest one so far."""
    logit = (scaled * positives).sum(dim=1)
    highest, total = logit, torch.ones_like(logit)
    if gradient is not None:
        gradient.copy_(positives)
    for values, keys in tiles:
        tile = _logits(scaled, values).masked_fill_(labels == keys, -torch.inf)
        higher = torch.maximum(highest, tile.amax(dim=1))
        tile.sub_(higher.unsqueeze(1)).exp_()
        shrink = (highest - higher).exp_()
        highest = higher
        total = total.mul_(shrink).add_(tile.sum(dim=1))
        if gradient is not None:
            _add_expected(gradient.mul_(shrink.unsqueeze(1)), tile, values)
    losses.copy_(total.log() + highest - logit)
    if gradient is not None:
        gradient.div_(total.unsqueeze(1)).sub_(positives)


def _logits(scaled: Tensor, values: Tensor) -> Tensor:
    product = scaled.to(values.dtype) @ values.t()
    return product.to(scaled.dtype)


def _add_expected(sums: Tensor, tile: Tensor, values: Tensor) -> None:
    if values.dtype == sums.dtype:
        sums.addmm_(tile, values)
    else:
        sums.add_(tile.to(values.dtype) @ values)


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    """Let products of float32 on a GPU round their factors, within a block."""
    if not allowed:
        yield
        return
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = True
    try:
        yield
    finally:
        matmul.allow_tf32 = before
