"""Finds losses and gradients that are not finite before an optimizer moves.

A loss that is NaN or infinite is made to turn every gradient into NaN, and the exchange
of gradients carries that to all processes. One check of the gradients after the
backward pass is therefore enough, and its result is the same in all processes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import all_gather_object, get_world_size
from torch import Tensor

MAX_NAMES = 3
ADVICE = (
    "Look at the images with `tools/check_data.py CONFIG --level full`; if they are "
    "right, lower the learning rate or clip the gradients: "
    "optim_wrapper.segmentor.clip_grad=dict(max_norm=...)"
)


class NumbersError(RuntimeError):
    """A loss or gradient is not finite; the message names it and the images."""


def poisoned(loss: Tensor) -> Tensor:
    """The same loss; if it is not finite, its gradients are NaN.

    Args:
        loss: Scalar, the sum of all losses.
    """
    return loss * (1 + 0 * loss.detach())


def all_finite(tensors: Sequence[Tensor]) -> bool:
    """Whether tensors hold neither NaN nor infinity; waits for their device once.

    Args:
        tensors: Of any shapes, on one device.
    """
    if not tensors:
        return True
    norms = torch.stack([n.float() for n in torch._foreach_norm(list(tensors))])
    if math.isfinite(float(norms.sum())):
        return True
    # The squares of large numbers may be infinite where the numbers are not.
    return all(bool(tensor.isfinite().all()) for tensor in tensors)


class NumbersWatch:
    """Remembers images and losses of the batches of the next optimizer step.

    Attributes:
        iteration: Iteration of the step, counted from 1; 0 if unknown.
        checkpoint: Path of the last checkpoint, or an empty string.
        lowest_scale: Below this loss scale, float16 no longer excuses gradients that
            are not finite.
        names: Identity of a parameter to its name.
    """

    def __init__(self) -> None:
        self.iteration = 0
        self.checkpoint = ""
        self.lowest_scale = 2.0**-6
        self.names: dict[int, str] = {}
        self._losses: list[Mapping[str, Any]] = []
        self._samples: list[Any] = []

    def note_batch(self, data_batch: Any) -> None:
        """Remember the images whose losses come next.

        Args:
            data_batch: A batch as the data loader gives it.
        """
        if isinstance(data_batch, Mapping):
            self._samples.append(data_batch.get("data_samples"))

    def note_losses(self, losses: Any) -> None:
        """Remember the losses of a batch.

        Args:
            losses: The model's output in mode 'loss': name to tensor or tensors.
        """
        if isinstance(losses, Mapping):
            self._losses.append(losses)

    def clear(self) -> None:
        """Forget the batches: the optimizers have stepped."""
        self._losses.clear()
        self._samples.clear()

    def judge(self, parameters: Iterable[Tensor], scale: float | None) -> None:
        """Decide what gradients that are not finite mean; all processes call this.

        Args:
            parameters: The parameters of all optimizers.
            scale: The loss scale of float16, which may be too large; None without
                float16.

        Raises:
            NumbersError: In all processes, unless the loss scale is the reason.
        """
        bad = self._bad_losses()
        reports = [(bad, self._images())]
        if get_world_size() > 1:
            reports = all_gather_object(reports[0])
        guilty = [i for i, (losses, _) in enumerate(reports) if losses]
        if not guilty and scale is not None and scale > self.lowest_scale:
            return
        if guilty:
            found = dict.fromkeys(name for i in guilty for name in reports[i][0])
            text = " and ".join(f"the loss {name}" for name in found)
        else:
            text = "all losses are finite, but not the gradients of "
            text += self._bad_gradients(parameters)
            if scale is not None:
                text += f", even at a loss scale of {scale:g}"
        images = [reports[i][1] for i in guilty or range(len(reports))]
        where = f" in iteration {self.iteration}" if self.iteration else ""
        last = f" The last checkpoint is {self.checkpoint}." if self.checkpoint else ""
        shown = "; ".join(filter(None, images)) or "unknown"
        raise NumbersError(
            f"training stopped{where} before any optimizer moved: {text}. Images of "
            f"the batch: {shown}.{last} {ADVICE}"
        )

    def _bad_losses(self) -> list[str]:
        """Names and values of losses that are not finite, as 'name is value'."""
        found = []
        for losses in self._losses:
            for name, value in losses.items():
                parts = [value] if isinstance(value, Tensor) else value
                if "loss" not in name or not isinstance(parts, (list, tuple)):
                    continue
                values = [float(part.detach().mean()) for part in parts]
                wrong = [v for v in values if not math.isfinite(v)]
                found += [f"{name} is {v}" for v in wrong[:1]]
        return found

    def _bad_gradients(self, parameters: Iterable[Tensor]) -> str:
        names = [
            self.names.get(id(p), f"a parameter {tuple(p.shape)}")
            for p in parameters
            if p.grad is not None and not p.grad.isfinite().all()
        ]
        more = f" and {len(names) - MAX_NAMES} more" if names[MAX_NAMES:] else ""
        return ", ".join(names[:MAX_NAMES]) + more

    def _images(self) -> str:
        """Files of the batches, as 'labeled: a.jpg, b.jpg; unlabeled: c.jpg'."""
        files: dict[str, dict[str, None]] = {}
        for samples in self._samples:
            branches = samples if isinstance(samples, Mapping) else {"": samples or ()}
            for branch, group in branches.items():
                for sample in group:
                    path = getattr(sample, "metainfo", {}).get("img_path", "?")
                    files.setdefault(branch, {})[str(path)] = None
        return "; ".join(
            f"{branch}: {', '.join(paths)}" if branch else ", ".join(paths)
            for branch, paths in files.items()
        )
