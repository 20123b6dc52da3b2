"""Finds losses and gradients that are not finite before an optimizer moves.

A loss that is NaN or infinite is made to turn every gradient into NaN, and the exchange
of gradients carries that to all processes. One check of the gradients after the
backward pass is therefore enough, and its result is the same in all processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from mmengine.dist import all_gather_object, get_world_size
from torch import Tensor

from .failed_step import StepRecorder, StepStart

MAX_NAMES = 3
ADVICE = (
    "Look at the images with `tools/check_data.py CONFIG --full`; if they are "
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


@torch.no_grad()
def find_infinite(tensors: Sequence[Tensor]) -> Tensor:
    """Whether tensors hold a NaN or an infinity, as torch's loss scaler finds it.

    Args:
        tensors: Of any shapes, on one device, at least one; each number of a tensor has
            memory of its own. They keep their values.

    Returns:
        Scalar tensor, float32, on their device: 1 if so, else 0. The host does not
        wait.
    """
    found = tensors[0].new_zeros((), dtype=torch.float32)
    one = torch.ones_like(found)
    alike: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        alike.setdefault(tensor.dtype, []).append(tensor)
    for group in alike.values():
        # It multiplies by one, and that is left out.
        torch._amp_foreach_non_finite_check_and_unscale_(group, found, one)
    return found


def all_finite(tensors: Sequence[Tensor]) -> bool:
    """Whether tensors hold neither NaN nor infinity; waits for their device once.

    Args:
        tensors: Of any shapes, on one device.
    """
    return not tensors or not bool(find_infinite(tensors))


def not_finite(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The parameters whose gradient holds a NaN or an infinity; waits for each."""
    return [p for p in parameters if p.grad is not None and not p.grad.isfinite().all()]


class Noted(NamedTuple):
    """The batches of an optimizer step, for a message.

    Attributes:
        iteration: Iteration of the step, counted from 1; 0 if unknown.
        checkpoint: Path of the last checkpoint, or an empty string.
        losses: For each batch, name to loss or losses.
        samples: For each batch, its data samples.
        start: What the step began with, if it is recorded.
    """

    iteration: int
    checkpoint: str
    losses: list[Mapping[str, Any]]
    samples: list[Any]
    start: StepStart | None = None


class NumbersWatch:
    """Remembers images and losses of the batches of the next optimizer step.

    Attributes:
        iteration: Iteration of the step, counted from 1; 0 if unknown.
        checkpoint: Path of the last checkpoint, or an empty string.
        lowest_scale: Below this loss scale, float16 no longer excuses gradients that
            are not finite.
        names: Identity of a parameter to its name.
        recorder: Writes the file by which a step can be replayed; None: there is none.
    """

    recorder: StepRecorder | None = None

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

    def take(self) -> Noted:
        """Forget the batches, as the optimizers step; they are returned."""
        start = None if self.recorder is None else self.recorder.take()
        batches = self._losses, self._samples
        self._losses, self._samples = [], []
        return Noted(self.iteration, self.checkpoint, *batches, start)

    def forget(self, noted: Noted) -> None:
        """Forget the batches of a step whose gradients were finite, or skipped.

        Args:
            noted: The batches, from :meth:`take`.
        """
        if self.recorder is not None and noted.start is not None:
            self.recorder.drop(noted.start)

    def judge(
        self,
        noted: Noted,
        wrong: Callable[[], Sequence[Tensor]],
        scale: float | None = None,
    ) -> None:
        """Decide what gradients that are not finite mean; all processes call this.

        Args:
            noted: The batches of the step.
            wrong: Function that returns the parameters with such gradients.
            scale: The loss scale of float16, which may be too large; None without
                float16.

        Raises:
            NumbersError: In all processes, unless the loss scale is the reason.
        """
        bad = _bad_losses(noted.losses)
        reports = [(bad, _images(noted.samples))]
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
            text += self._names_of(wrong())
            if scale is not None:
                text += f", even at a loss scale of {scale:g}"
        images = [reports[i][1] for i in guilty or range(len(reports))]
        where = f" in iteration {noted.iteration}" if noted.iteration else ""
        saved = noted.checkpoint
        last = f" The last checkpoint is {saved}." if saved else ""
        shown = "; ".join(filter(None, images)) or "unknown"
        message = (
            f"training stopped{where} before any optimizer moved: {text}. Images of "
            f"the batch: {shown}."
        )
        replay = self._save(noted, message, scale)
        raise NumbersError(f"{message}{last}{replay} {ADVICE}")

    def _save(self, noted: Noted, message: str, scale: float | None) -> str:
        """Write the file of the step; a sentence about it."""
        if self.recorder is None or noted.start is None:
            return ""
        step = {"iteration": noted.iteration, "loss_scale": scale, "message": message}
        return f" {self.recorder.write(noted.start, step)}"

    def _names_of(self, parameters: Sequence[Tensor]) -> str:
        names = [
            self.names.get(id(p), f"a parameter {tuple(p.shape)}") for p in parameters
        ]
        more = f" and {len(names) - MAX_NAMES} more" if names[MAX_NAMES:] else ""
        return ", ".join(names[:MAX_NAMES]) + more


def _bad_losses(batches: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names and values of losses that are not finite, as 'name is value'."""
    found = []
    for losses in batches:
        for name, value in losses.items():
            parts = [value] if isinstance(value, Tensor) else value
            if "loss" not in name or not isinstance(parts, (list, tuple)):
                continue
            values = [float(part.detach().mean()) for part in parts]
            wrong = [v for v in values if not math.isfinite(v)]
            found += [f"{name} is {v}" for v in wrong[:1]]
    return found


def _images(batches: Iterable[Any]) -> str:
    """Files of the batches, as 'labeled: a.jpg, b.jpg; unlabeled: c.jpg'."""
    files: dict[str, dict[str, None]] = {}
    for samples in batches:
        branches = samples if isinstance(samples, Mapping) else {"": samples or ()}
        for branch, group in branches.items():
            for sample in group:
                path = getattr(sample, "metainfo", {}).get("img_path", "?")
                files.setdefault(branch, {})[str(path)] = None
    return "; ".join(
        f"{branch}: {', '.join(paths)}" if branch else ", ".join(paths)
        for branch, paths in files.items()
    )
