"""Runs the trainings of a study, several at a time, and waits for all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Protocol

import torch

from mmseg_semisup.core.cpu import available_cores

from .training import Training

INTERVAL_S = 0.5


class Watcher(Protocol):
    """Is told what happens."""

    def began(self, training: Training) -> None:
        """A training has begun."""

    def ended(self, training: Training) -> None:
        """A training has ended, in whatever way."""

    def show(self) -> None:
        """Time has passed."""


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    stated = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    if stated:
        return stated.split(",")[:count]
    return [str(number) for number in range(count)]


def make_slots(jobs: int, gpus: Sequence[str]) -> list[str | None]:
    """The GPU of each of the trainings that run at a time; None: there are no GPUs.

    >>> make_slots(3, ["0", "1"]), make_slots(2, [])
    (['0', '1', '0'], [None, None])
    """
    return [gpus[i % len(gpus)] if gpus else None for i in range(jobs)]


def run_trainings(
    trainings: Sequence[Training], slots: Sequence[str | None], watcher: Watcher
) -> None:
    """Run all trainings that are not finished; one that fails stops no other.

    A training in whose folder another process is at work waits for its end. If this
    function is left by an exception, such as that of a signal, the trainings save and
    end before.

    Args:
        trainings: The trainings, in their order.
        slots: The GPU of each that runs at a time, see :func:`make_slots`. With
            GPUs, they share the cores; without, each has one thread, so that its result
            does not depend on how many there are.
        watcher: Is told what happens.
    """
    waiting = [training for training in trainings if not training.finished]
    active: dict[int, Training] = {}
    shared = max(1, available_cores() // len(slots))
    try:
        while waiting or active:
            for slot, gpu in enumerate(slots):
                if slot in active:
                    continue
                ready = (t for t in waiting if not t.at_work_elsewhere())
                training = next(ready, None)
                if training is None:
                    break
                waiting.remove(training)
                active[slot] = training
                training.start(gpu, 1 if gpu is None else shared)
                watcher.began(training)
            watcher.show()
            time.sleep(INTERVAL_S)
            for slot, training in list(active.items()):
                if training.poll():
                    del active[slot]
                    watcher.ended(training)
    finally:
        for training in active.values():
            training.stop()
        for training in active.values():
            training.join()
