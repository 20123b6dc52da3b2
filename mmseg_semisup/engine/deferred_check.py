"""Finds gradients that are not finite, without a wait of the host for the device.

The optimizers' fused steps read the result on the device: where it is bad, they leave
weights and states as they are, bit for bit. The host reads it before the next step,
when the device has long computed it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from .nonfinite import Noted, NumbersWatch, find_infinite

DEVICES = ["cuda"]
"""Kinds of devices that compute while the host goes on."""
FOUND = "found_inf"
"""Attribute of an optimizer that torch's fused steps read, as its loss scaler does."""


def can_defer(optimizers: Iterable[Optimizer]) -> bool:
    """Whether the steps of optimizers can be undone on the device.

    Args:
        optimizers: Their groups must all have torch's fused step.
    """
    groups = [group for one in optimizers for group in one.param_groups]
    return all(
        group.get("fused") and all(p.device.type in DEVICES for p in group["params"])
        for group in groups
    )


class DeferredCheck:
    """The check of one step, until the host has read its result.

    Args:
        parameters: The parameters of all optimizers.
        noted: The batches of the step.
    """

    def __init__(self, parameters: Iterable[Tensor], noted: Noted) -> None:
        self._checked = [p for p in parameters if p.grad is not None and p.grad.numel()]
        self._noted = noted._replace(losses=[_detached(x) for x in noted.losses])
        self._bad: Tensor | None = None
        self._largest: Sequence[Tensor] = ()
        self._event: torch.cuda.Event | None = None

    @contextmanager
    def guarding(self, optimizers: Sequence[Optimizer]) -> Iterator[None]:
        """Let the optimizers step within a block only if all gradients are finite.

        Args:
            optimizers: Such that :func:`can_defer` holds.
        """
        if not self._checked:
            yield
            return
        gradients = [p.grad for p in self._checked if p.grad is not None]
        bad = find_infinite(gradients)
        # For the names: gradients are gone when the result is read.
        self._largest = torch._foreach_norm(gradients, math.inf)
        self._bad = bad
        if bad.is_cuda:
            self._bad = torch.empty_like(bad, device="cpu", pin_memory=True)
            self._bad.copy_(bad, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()
        for optimizer in optimizers:
            setattr(optimizer, FOUND, bad)
        try:
            yield
        finally:
            for optimizer in optimizers:
                delattr(optimizer, FOUND)

    def settle(self, watch: NumbersWatch) -> None:
        """Read the result; all processes call this.

        Args:
            watch: What describes the step.

        Raises:
            NumbersError: If a gradient was not finite; no optimizer has moved then.
        """
        if self._bad is None:
            return
        if self._event is not None:
            self._event.synchronize()
        if self._bad.tolist():
            pairs = zip(self._checked, self._largest, strict=True)
            wrong = [p for p, value in pairs if not math.isfinite(float(value))]
            watch.judge(self._noted, lambda: wrong)
        watch.forget(self._noted)


def _detached(losses: Mapping[str, Any]) -> dict[str, Any]:
    """Losses without the graph that computed them, which would stay in memory."""

    def detached(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [detached(part) for part in value]
        return value.detach() if isinstance(value, Tensor) else value

    return {name: detached(value) for name, value in losses.items()}
