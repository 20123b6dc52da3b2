"""Repeats a failed step, in as many processes as it had."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.multiprocessing.spawn import ProcessRaisedException, start_processes

from mmseg_semisup.core.errors import CheckpointError, ConfigError
from mmseg_semisup.core.mistakes import one_line
from mmseg_semisup.engine.optim import PRECISIONS
from mmseg_semisup.engine.random_state import set_random_state
from mmseg_semisup.models.step import Step, View

from .read import FailedStep, read_failed_step
from .rebuild import rebuild_model
from .report import FINITE, describe
from .trace import Trace, is_finite


def replay(path: str | Path, device: str = "cpu", trust: bool = False) -> str:
    """Repeat a failed step, and say where its first NaN or infinity begins.

    Args:
        path: The file that a training has named.
        device: Where to compute. On another device than the training's, random numbers
            of networks and the last digits of sums differ.
        trust: Whether the file's config may import and call anything.

    Returns:
        The report, of several lines.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If it cannot be read, or its model not be built; the message
            names the file.
        ConfigError: If there is no such device.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"--device {device}: {error}") from error
    step = read_failed_step(path)
    with _naming(path):
        number = len(step.processes)
        if number == 1:
            reports = [_try(step, 0, device, trust)]
        else:
            reports = _in_processes(str(path), number, device, trust)
    if all(FINITE in report for report in reports):
        reports.append(
            "The step does not go wrong here: the device, the number of threads or the "
            "versions of packages differ from the training's"
        )
    return "\n\n".join([_head(path, step, device), *reports])


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{path} cannot be replayed: {error}") from error


def _head(path: str | Path, step: FailedStep, device: str) -> str:
    number = len(step.processes)
    where = f"iteration {step.iteration}" if step.iteration else "an iteration"
    text = f"{path}: {where}, {step.precision} on {step.device}"
    if number > 1:
        text += f", {number} processes"
    text += f"; repeated on {device}"
    if not device.startswith(step.device.partition(":")[0]):
        text += (
            f". The numbers are not exactly those of {step.device}; "
            f"--device {step.device.partition(':')[0]} repeats it there"
        )
    return f"{text}\nThe training said: {step.message}"


def _in_processes(path: str, number: int, device: str, trust: bool) -> list[str]:
    """Repeat the step in a process for each of the training's."""
    with tempfile.TemporaryDirectory() as folder:
        given = (path, number, device, trust, folder)
        try:
            start_processes(_member, given, nprocs=number, start_method="spawn")
        except ProcessRaisedException as error:
            reason = str(error).strip().rpartition("\n")[2]
            raise CheckpointError(f"a process failed: {reason}") from error
        files = [Path(folder, str(rank)) for rank in range(number)]
        return [file.read_text(encoding="utf-8") for file in files]


def _member(
    rank: int, path: str, number: int, device: str, trust: bool, folder: str
) -> None:
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(number))
    meeting = f"file://{folder}/meeting"
    dist.init_process_group("gloo", meeting, rank=rank, world_size=number)
    text = _try(read_failed_step(path), rank, device, trust)
    Path(folder, str(rank)).write_text(text, encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()


def _try(step: FailedStep, rank: int, device: str, trust: bool) -> str:
    try:
        return _repeat(step, rank, device, trust)
    except CheckpointError:
        raise
    except Exception as error:
        # A foreign batch may be of any size and type.
        kind = type(error).__name__
        raise CheckpointError(f"the step ends with {kind}: {one_line(error)}") from (
            error
        )


def _repeat(step: FailedStep, rank: int, device: str, trust: bool) -> str:
    """The report of one process."""
    process = step.processes[rank]
    step.state.update(process.buffers)
    model = rebuild_model(step, trust).to(device)
    trace = Trace(model)
    for name, value in model.state_dict(keep_vars=True).items():
        if isinstance(value, Tensor):
            trace.note(value, name)
    views: dict[str, View] = {}
    losses: dict[str, float] = {}
    ends: dict[str, Tensor] = {}
    for trace.turn, one in enumerate(process.passes):
        _note_images(trace, one.batch)
        set_random_state(one.generators)
        found, total = _forward(model, one.batch, step.precision, device, trace, views)
        losses = {name: float(value.detach().float()) for name, value in found.items()}
        ends = {
            f"the loss {name}": value.detach()
            for name, value in found.items()
            if "loss" in name and not is_finite(value)
        }
        if ends:
            break
        trace.phase = "backward"
        with trace:
            factor = (step.loss_scale or 1.0) / len(process.passes)
            (total * factor).backward()
        trace.phase = "forward"
    if not ends:
        ends = {
            f"the gradient of {name}": parameter.grad
            for name, parameter in model.named_parameters()
            if parameter.grad is not None and not is_finite(parameter.grad)
        }
    events = [event for value in ends.values() if (event := trace.origin(value))]
    event = min(events, key=lambda one: one.first.number, default=None)
    several = f"Process {rank}: " if len(step.processes) > 1 else ""
    return several + describe(event, list(ends), losses, views)


def _note_images(trace: Trace, batch: Mapping[str, Any]) -> None:
    """Record the images that are not finite before anything was computed."""
    inputs, samples = batch["inputs"], batch.get("data_samples") or {}
    branches = inputs if isinstance(inputs, Mapping) else {"": inputs}
    owners = samples if isinstance(samples, Mapping) else {"": samples}
    for name, images in branches.items():
        for index, image in enumerate(images):
            one = (owners.get(name) or ())[index : index + 1]
            path = one[0].metainfo.get("img_path", "") if one else ""
            text = f"image {index} of {name}" if name else f"image {index}"
            trace.note(image, f"{text}, {path}" if path else text)


def _forward(
    model: Any,
    batch: dict[str, Any],
    precision: str,
    device: str,
    trace: Trace,
    views: dict[str, View],
) -> tuple[dict[str, Tensor], Tensor]:
    """The losses of a batch and their sum; the views of its step are added."""
    dtype = PRECISIONS[precision]
    kind = torch.device(device).type
    context = nullcontext() if dtype is None else torch.autocast(kind, dtype=dtype)
    steps: list[Step] = []
    views.clear()
    with _collecting(model, steps), context:
        with trace:
            data = model.data_preprocessor(batch, True)
        branches = data["inputs"]
        if isinstance(branches, Tensor):
            branches = {"": branches}
            samples: Mapping[str, Any] = {"": data.get("data_samples") or ()}
        else:
            samples = data.get("data_samples") or {}
        for name, images in branches.items():
            trace.batch.add(StorageWeakRef(images.untyped_storage()))
            views[name] = View(name, images, samples.get(name) or ())
        with trace:
            losses = model._run_forward(data, mode="loss")
            total, flat = model.parse_losses(losses)
    for one in steps:
        views.update({name: one[name] for name in one.names})
    return {name: value for name, value in flat.items() if name != "loss"}, total


@contextmanager
def _collecting(model: nn.Module, steps: list[Step]) -> Iterator[None]:
    """Collect the steps that a ``SemiSegmentor`` makes."""
    any_model: Any = model
    make = getattr(model, "make_step", None)
    if make is None:
        yield
        return

    def make_step(*args: Any, **kwargs: Any) -> Step:
        steps.append(make(*args, **kwargs))
        return steps[-1]

    any_model.make_step = make_step
    try:
        yield
    finally:
        del any_model.make_step
