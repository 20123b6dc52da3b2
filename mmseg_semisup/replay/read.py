"""Reads the file of a failed step, and checks everything in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.checkpoint_contents import MOST_STEPS, is_random_state, is_state
from mmseg_semisup.core.errors import CheckpointError
from mmseg_semisup.engine.failed_step import FORMAT, NUMBERS, Pass
from mmseg_semisup.engine.optim import PRECISIONS
from mmseg_semisup.engine.plain_values import from_plain

COUNTS = ("iteration", "max_iters", "labeled_images")
"""Keys of numbers; the last two may be unknown."""


@dataclass
class Process:
    """What one process did in the step.

    Attributes:
        passes: Its batches, with the random states before each.
        buffers: Its buffers that differ from the main process's.
    """

    passes: list[Pass]
    buffers: dict[str, Tensor]


@dataclass
class FailedStep:
    """The content of the file of a failed step.

    Attributes:
        iteration: Of the training, counted from 1; 0 if unknown.
        max_iters: Length of the training; None if unknown.
        labeled_images: Number of images with masks; None if unknown.
        precision: Of the optimizers.
        loss_scale: Of float16; None without.
        device: Where the step was taken.
        message: What the training said.
        config: Of the training.
        state: The model's ``state_dict`` before the step.
        attributes: Path of each module to its attributes that are numbers.
        processes: One for each process.
    """

    iteration: int
    max_iters: int | None
    labeled_images: int | None
    precision: str
    loss_scale: float | None
    device: str
    message: str
    config: dict[str, Any]
    state: dict[str, Tensor]
    attributes: dict[str, dict[str, Any]]
    processes: list[Process]


def read_failed_step(path: str | Path) -> FailedStep:
    """Read the file of a failed step.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If it is damaged, or of another form; the message names it and
            the key.
    """
    content = load_checkpoint_file(path, trust=False)
    try:
        return _checked(content)
    except _FaultError as fault:
        raise CheckpointError(f"{path} cannot be replayed: {fault}") from fault


class _FaultError(ValueError):
    """A key of the file has another form."""


def _checked(content: Mapping[str, Any]) -> FailedStep:
    if "failed_step" not in content:
        raise _FaultError(
            "it is no file of a failed step, which a training names when a loss or "
            "gradient is not finite"
        )
    found = content["failed_step"]
    if found != FORMAT:
        raise _FaultError(f"failed_step={found!r:.40}; this version reads {FORMAT}")
    for key in COUNTS:
        number = content.get(key)
        if number is None and key != "iteration":
            continue
        if type(number) is not int or not 0 <= number <= MOST_STEPS:
            raise _FaultError(f"{key}={number!r:.40}; allowed: 0 to {MOST_STEPS}")
    for key in ("device", "message", "precision"):
        if not isinstance(content.get(key), str):
            raise _FaultError(f"{key}={content.get(key)!r:.40} is no text")
    if content["precision"] not in PRECISIONS:
        raise _FaultError(
            f"precision={content['precision']!r:.40}; allowed: {list(PRECISIONS)}"
        )
    scale = content.get("loss_scale")
    if scale is not None and not (type(scale) is float and 0 < scale < math.inf):
        raise _FaultError(f"loss_scale={scale!r:.40}; allowed: over 0, or None")
    config = content.get("config")
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise _FaultError("config.model is no config of a model")
    if not is_state(content.get("state_dict")):
        raise _FaultError("state_dict is no dictionary of tensors")
    attributes = content.get("attributes")
    if not isinstance(attributes, dict) or not all(
        isinstance(path, str) and _is_numbers(values)
        for path, values in attributes.items()
    ):
        raise _FaultError("attributes are no numbers of modules")
    processes = content.get("processes")
    if not isinstance(processes, list) or not 0 < len(processes) <= 1024:
        raise _FaultError("processes is no list of processes")
    return FailedStep(
        content["iteration"],
        content.get("max_iters"),
        content.get("labeled_images"),
        content["precision"],
        scale,
        content["device"],
        content["message"],
        config,
        content["state_dict"],
        attributes,
        [_process(one, f"processes[{i}]") for i, one in enumerate(processes)],
    )


def _is_numbers(values: Any) -> bool:
    return isinstance(values, dict) and all(
        isinstance(name, str) and type(value) in NUMBERS
        for name, value in values.items()
    )


def _process(value: Any, where: str) -> Process:
    if not isinstance(value, dict) or not is_state(value.get("buffers")):
        raise _FaultError(f"{where}.buffers is no dictionary of tensors")
    passes = value.get("passes")
    if not isinstance(passes, list) or not passes:
        raise _FaultError(f"{where}.passes is no list of passes")
    return Process(
        [_pass(one, f"{where}.passes[{i}]") for i, one in enumerate(passes)],
        value["buffers"],
    )


def _pass(value: Any, where: str) -> Pass:
    if not isinstance(value, dict) or not is_random_state(value.get("generators")):
        raise _FaultError(f"{where}.generators is no state of random generators")
    try:
        batch = from_plain(value.get("batch"))
    except Exception as error:
        # Data elements refuse fields in many ways.
        raise _FaultError(f"{where}.batch: {error}") from error
    if not isinstance(batch, dict) or "inputs" not in batch:
        raise _FaultError(f"{where}.batch has no inputs")
    if not isinstance(batch["inputs"], (dict, list)):
        raise _FaultError(f"{where}.batch.inputs is no batch of images")
    return Pass(batch, value["generators"])
