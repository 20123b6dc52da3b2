"""Trainings of the golden runs: tiny networks, and shipped configs at a small size."""

from __future__ import annotations

from pathlib import Path

import torch
from mmengine.optim import build_optim_wrapper
from tiny_methods import METHODS, build_method, method_batch, optimizers_of, student_of
from torch import nn

import mmseg_semisup  # noqa: F401, registers its parts

STEPS = 20
BATCHES = 5


def train_tiny(method: str, folder: Path) -> tuple[dict[str, list[float]], nn.Module]:
    """A tiny method, step by step, without a runner."""
    model = build_method(method)
    wrapper = build_optim_wrapper(model, optimizers_of(model))
    torch.manual_seed(0)
    figures: dict[str, list[float]] = {}
    for step in range(STEPS):
        logged = model.train_step(method_batch(step % BATCHES, 2, 2), wrapper)
        model.teacher.update(student_of(model))
        for name, value in logged.items():
            figures.setdefault(name, []).append(value.item())
    return figures, model


KINDS = {"tiny": train_tiny}


def names(kind: str) -> list[str]:
    """The runs of a kind that can be recorded."""
    return {"tiny": METHODS}[kind]
