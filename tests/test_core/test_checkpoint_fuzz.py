"""Checkpoints with seeded changes of their pickle: each is refused, or harmless."""

from __future__ import annotations

import copy
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from pickle_changes import count_refused
from torch import Tensor

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import CheckpointError
from mmseg_semisup.core.find_checkpoint import check_whole
from test_core.test_checkpoint import own_checkpoint

SECONDS = 2.0
"""Processor time that no file of a few kilobytes takes to be read."""


def check_harmless(value: object, size: int) -> int:
    """Count the values, none of which is more than its file could hold.

    Raises:
        AssertionError: If a number is out of range.
    """
    if isinstance(value, Tensor):
        assert value.device.type == "cpu"
        assert value.layout is torch.strided
        assert value.nbytes <= size
        steps = zip(value.shape, value.stride(), strict=True)
        reach = sum((n - 1) * step for n, step in steps) + 1 if value.numel() else 0
        reach = (value.storage_offset() + reach) * value.element_size()
        assert reach <= value.untyped_storage().nbytes() <= size
        assert value.clone().shape == value.shape
    if isinstance(value, np.ndarray):
        assert value.dtype.kind in "biufcSU"
        assert len(value.tobytes()) <= size
    elif isinstance(value, HistoryBuffer):
        assert value.data[0].shape == value.data[1].shape
        return sum(check_harmless(array, size) for array in value.data)
    elif isinstance(value, dict):
        return sum(check_harmless(part, size) for part in value.values()) + 1
    elif isinstance(value, (list, tuple, set)):
        return sum(check_harmless(part, size) for part in value) + 1
    elif isinstance(value, int):
        assert abs(value) < 1 << 136
    return 1


@pytest.mark.parametrize(
    ("seed", "number"),
    [(0, 400), pytest.param(1, 10_000, marks=pytest.mark.slow)],
)
def test_a_changed_pickle_is_refused_or_harmless(tmp_path, seed, number):
    content = own_checkpoint()
    content["state_dict"]["mask"] = torch.tensor([True, False])
    content["optimizer"] = {
        "state": {0: {"momentum_buffer": torch.ones(2, 3)}},
        "param_groups": [{"lr": np.float64(0.1), "params": [0]}],
    }
    path = tmp_path / "iter_3.pth"
    refused = count_refused(path, content, is_refused, seed, number)
    assert number / 2 < refused < number


def read(path: Path) -> tuple[dict, str]:
    """What a file holds, or why it is refused."""
    try:
        return load_checkpoint_file(path), ""
    except CheckpointError as error:
        return {}, str(error)


def is_refused(path: Path) -> bool:
    """Whether a file is refused; otherwise it is checked, copied and written out."""
    size = path.stat().st_size
    begin = time.process_time()
    found, refusal = read(path)
    assert time.process_time() - begin < SECONDS
    if refusal:
        assert "iter_3.pth" in refusal
        assert "\n" not in refusal
        return True
    assert check_harmless(found, size) < 100 * size
    assert len(str(copy.deepcopy(found))) < 1000 * size
    try:
        check_whole(path)
    except CheckpointError:
        return True
    return False
