"""Predicts an image that will be validated, long before the first validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.runner import autocast

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.mistakes import one_line
from mmseg_semisup.datasets.checks.classes import spread
from mmseg_semisup.engine.random_state import random_state, set_random_state

LOOKED_AT = 12
"""Images of which the one is predicted whose size fits networks least."""
MULTIPLE = 32


def check_validation(model: BaseModel, loop: Any) -> None:
    """Predict one image, by which nothing changes.

    Args:
        model: The model, not wrapped.
        loop: The built loop of the validation, if it has a data loader.

    Raises:
        ConfigError: If it cannot be predicted; the message is one line.
    """
    loader = getattr(loop, "dataloader", None)
    if loader is None or not len(loader.dataset):
        return
    which = "an image"
    fp16 = bool(getattr(loop, "fp16", False))
    with _as_it_was(model), torch.no_grad(), autocast(enabled=fp16):
        try:
            sample = _odd_one(loader.dataset)
            which = _name(sample)
            model.eval().val_step(loader.collate_fn([sample]))
        except Exception as error:  # whatever a transform or a network raises
            raise ConfigError(
                f"a validation would end with an error: {which} cannot be predicted: "
                f"{type(error).__name__}: {one_line(error)}"
            ) from error


def _odd_one(dataset: Any) -> Any:
    """The sample, of some, with the most sides that are no multiple of 32."""
    places = list(spread(range(len(dataset))))[:LOOKED_AT]
    return max((dataset[place] for place in places), key=_odd_sides)


def _odd_sides(sample: Mapping[str, Any]) -> int:
    return sum(side % MULTIPLE > 0 for side in sample["inputs"].shape[-2:])


def _name(sample: Mapping[str, Any]) -> str:
    height, width = sample["inputs"].shape[-2:]
    path = sample["data_samples"].img_path
    return f"{path} ({height} x {width} pixels after the pipeline of val_dataloader)"


@contextmanager
def _as_it_was(model: BaseModel) -> Iterator[None]:
    """Restore the modes of all modules, and the random generators, after a block."""
    modes = [(module, module.training) for module in model.modules()]
    generators = random_state()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        set_random_state(generators)
