"""Compares the directional contrastive loss with a straightforward implementation.

The latter follows the paper with plain PyTorch operations: both directions for all
pixels, chunks of negatives, gradient checkpoints, and a mask at the end.
"""

from __future__ import annotations

import statistics
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mmseg_semisup.models.losses import directional_contrast, pull_masks, pull_weights

from .timing import interleave, peak_memory

CHUNK = 8000
CLASSES = 21
GAMMA = 0.75
TEMPERATURE = 0.1


class Example(NamedTuple):
    """Random features of an overlap, and negatives.

    Attributes:
        features: Features of both views, (2, P, D), float, of length 1.
        confidence: (2, P), float, uniform in 0..1, so that 7 of 16 pixels are pulled.
        labels: (2, P), int64.
        negatives: (K, D), float, of length 1.
        negative_labels: (K,), int64.
    """

    features: Tensor
    confidence: Tensor
    labels: Tensor
    negatives: Tensor
    negative_labels: Tensor

    @classmethod
    def random(cls, pixels: int, negatives: int, channels: int, device: str) -> Example:
        """Draw an example that is the same in every run.

        Args:
            pixels: P.
            negatives: K.
            channels: D.
            device: Where to put it.
        """
        generator = torch.Generator().manual_seed(0)

        def features(*shape: int) -> Tensor:
            values = torch.randn(*shape, channels, generator=generator)
            return F.normalize(values, dim=-1).to(device)

        def labels(*shape: int) -> Tensor:
            return torch.randint(CLASSES, shape, generator=generator).to(device)

        confidence = torch.rand(2, pixels, generator=generator).to(device)
        return cls(
            features(2, pixels),
            confidence,
            labels(2, pixels),
            features(negatives),
            labels(negatives),
        )

    def masks(self) -> Tensor:
        """Which pixels are pulled, (2, 1, 1, P), bool."""
        shaped = self.confidence[:, None, None]
        valid = torch.ones_like(shaped[0], dtype=torch.bool)
        first, second = shaped
        return pull_masks(first, second, valid, GAMMA)

    def ours(self) -> tuple[Tensor, Tensor]:
        """Loss and gradient of the features, (2, P, D), by our implementation."""
        features = self.features.detach().requires_grad_()
        masks = self.masks()
        weights = pull_weights(masks, masks.any(dim=0), "active")
        first, second = features
        loss = directional_contrast(
            first,
            second,
            weights.flatten(1),
            self.labels,
            self.negatives,
            self.negative_labels,
            TEMPERATURE,
        )
        return loss.detach(), torch.autograd.grad(loss, features)[0]

    def straightforward(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Loss and gradient by the straightforward implementation."""
        features = self.features.to(dtype).requires_grad_()
        negatives = self.negatives.to(dtype)
        masks = self.masks().flatten(1).to(dtype)
        loss = features.new_zeros(())
        for anchor, target in ((0, 1), (1, 0)):
            pixels = features[anchor]
            positive = (pixels * features[target].detach()).sum(dim=1) / TEMPERATURE
            highest = 1 / TEMPERATURE
            total = (positive - highest).exp()
            for start in range(0, len(negatives), CHUNK):
                part = slice(start, start + CHUNK)
                total = total + checkpoint(
                    _sum_of_chunk,
                    pixels,
                    negatives[part],
                    self.labels[anchor],
                    self.negative_labels[part],
                    highest,
                    use_reentrant=False,
                )
            terms = total.log() - (positive - highest)
            pulled = masks[anchor]
            loss = loss + (terms * pulled).sum() / pulled.sum().clamp(min=1)
        return loss.detach(), torch.autograd.grad(loss, features)[0]


def _sum_of_chunk(
    pixels: Tensor, negatives: Tensor, labels: Tensor, others: Tensor, highest: float
) -> Tensor:
    counts = (labels.unsqueeze(1) != others).to(pixels.dtype)
    return ((pixels @ negatives.t() / TEMPERATURE - highest).exp() * counts).sum(dim=1)


def benchmark_contrast(
    pixels: int = 6400,
    negatives: int = 25600,
    channels: int = 128,
    device: str = "cpu",
    repeats: int = 3,
) -> dict[str, Any]:
    """Measure time, memory and error.

    Args:
        pixels: Number of pixels in the overlap.
        negatives: Number of negatives.
        channels: Number of channels of the features.
        device: Where to run.
        repeats: How often each is measured, in turn.

    Returns:
        Figures; times in seconds, memory in MB.
    """
    example = Example.random(pixels, negatives, channels, device)
    # Libraries set themselves up in the first call.
    small = Example.random(min(pixels, 200), min(negatives, 200), channels, device)
    small.ours()
    small.straightforward(torch.float32)
    with peak_memory(device) as peak:
        start = torch.cuda.memory_allocated(device) / 1e6 if device != "cpu" else 0.0
        loss, gradient = example.ours()
        memory = peak() - start
    true_loss, true_gradient = example.straightforward(torch.float64)
    times = interleave(
        {
            "ours": example.ours,
            "straightforward": lambda: example.straightforward(torch.float32),
        },
        repeats,
        1,
        device,
    )
    wall = {name: statistics.median(t.wall) for name, t in times.items()}
    processor = {name: statistics.median(t.processor) for name, t in times.items()}
    error = (gradient.double() - true_gradient).norm() / true_gradient.norm()
    return dict(
        pixels=pixels,
        negatives=negatives,
        channels=channels,
        device=device,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        pulled=float(example.masks().sum() / pixels),
        wall_s=wall,
        processor_s=processor,
        speedup=wall["straightforward"] / wall["ours"],
        processor_speedup=processor["straightforward"] / processor["ours"],
        memory_mb=memory,
        loss_error=float((loss.double() - true_loss).abs() / true_loss.abs()),
        gradient_error=float(error),
    )
