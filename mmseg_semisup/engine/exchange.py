"""Exchanges gradients between processes while the backward pass goes on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmengine.model import MMDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS
from torch import Tensor, nn

BUCKETS = 8
LEAST_MB, MOST_MB = 1.0, 25.0
"""Smaller exchanges cost more than they hide; 25 MB are torch's own size."""


@MODEL_WRAPPERS.register_module()
class BucketedDataParallel(MMDistributedDataParallel):
    """MMEngine's distributed model; exchanges a small model's gradients early.

    All losses share one backward pass. As soon as the gradients of a bucket are
    complete, it is exchanged, while the pass goes on. torch's buckets of 25 MB hold
    most gradients of a small model, which then are exchanged after the pass; here there
    are about eight. Gradients are parts of the buckets, without a copy of each. All
    parameters must get a gradient in each step, in every process.

    Args:
        module: The model, with equal weights in all processes.
        bucket_cap_mb: Size of a bucket in MB; None: an eighth of the gradients, 1 to
            25.
        gradient_as_bucket_view: As in torch.
        broadcast_buffers: As in torch; each process has statistics of its own.
        **options: Further arguments of ``MMDistributedDataParallel``.
    """

    def __init__(
        self,
        module: nn.Module,
        bucket_cap_mb: float | None = None,
        gradient_as_bucket_view: bool = True,
        broadcast_buffers: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            module,
            bucket_cap_mb=bucket_cap_mb or bucket_megabytes(module.parameters()),
            gradient_as_bucket_view=gradient_as_bucket_view,
            broadcast_buffers=broadcast_buffers,
            **options,
        )


def bucket_megabytes(parameters: Iterable[Tensor]) -> float:
    """Size of a bucket, in MB (2**20 bytes).

    Args:
        parameters: The parameters of a model; those without gradients do not count.
    """
    size = sum(p.numel() * p.element_size() for p in parameters if p.requires_grad)
    return min(max(size / 2**20 / BUCKETS, LEAST_MB), MOST_MB)
