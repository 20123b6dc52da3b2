from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from multiprocessing import resource_sharer
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import Registry
from mmseg.registry import MODELS, OPTIMIZERS
from torch.utils.data import DataLoader, Dataset

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import check_range
from mmseg_semisup.core.mistakes import (
    explain,
    names,
    one_line,
    unknown_type,
    workers_told_once,
)
from mmseg_semisup.datasets.semi_dataset import naming
from mmseg_semisup.models.backbones import package_file
from mmseg_semisup.models.policies.mix import random_boxes

GONE = "Connection closed by peer"


def caught(function):
    """The error of a function."""
    with pytest.raises(Exception) as error:  # noqa: PT011, any of them
        function()
    return error.value


def test_our_own_words_are_for_the_user():
    error = caught(lambda: check_range("Hook", 0, 1, share=2.0))
    assert explain(error) == "Hook: share=2.0; allowed: 0 to 1"


def test_files_and_packages_that_are_missing_are_named():
    error = caught(lambda: package_file("package://no_such_weights/a.pth"))
    assert "pip install no-such-weights" in explain(error)
    error = caught(lambda: load_checkpoint_file("no_such_file.pth"))
    assert explain(error) == "There is no checkpoint file no_such_file.pth"
    # A fault of the program, or of the machine.
    assert explain(caught(lambda: Path("no_such_file.pth").read_text())) is None


def test_a_fault_is_not():
    # Python raises this one, in a line of ours.
    error = caught(lambda: random_boxes(1, (2, 3, 4), (0.1, 0.2), "cpu"))
    assert isinstance(error, ValueError)
    assert explain(error) is None
    assert explain(caught(lambda: int("x"))) is None
    assert explain(caught(lambda: {}["x"])) is None
    assert explain(caught(lambda: torch.ones(2) + torch.ones(3))) is None


def sgd(**arguments):
    weight = torch.nn.Parameter(torch.ones(1))
    return OPTIMIZERS.build({"type": "SGD", "params": [weight], **arguments})


def test_what_a_part_refuses_while_it_is_built():
    assert "nvalid learning rate: -1" in explain(caught(lambda: sgd(lr=-1.0)))
    text = explain(caught(lambda: sgd(rate=1.0)))
    assert text.startswith("SGD")
    assert "unexpected keyword argument 'rate'" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("DataLoader worker (pid 77) is killed by signal: Killed. ", "signal: Killed"),
        ("DataLoader worker (pid(s) 7, 8) exited unexpectedly", "exited unexpectedly"),
    ],
)
def test_a_killed_worker(text, cause):
    sentence = explain(RuntimeError(text))
    assert cause in sentence
    assert "--resume goes on" in sentence
    assert explain(RuntimeError("DataLoader worker is fine")) is None


def test_a_worker_that_ends_while_it_sends_a_batch(tmp_path):
    place = (str(tmp_path / "gone"), b"x")
    error = caught(lambda: resource_sharer._resource_sharer.get_connection(place))
    assert isinstance(error, OSError)
    sentence = explain(error)
    assert sentence.startswith("a process that loads data ended (while it sent")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (RuntimeError(f"[/gloo/transport/tcp/pair.cc:5] {GONE} [::1]:80"), GONE),
        (
            RuntimeError("[/gloo/tcp/pair.cc:1] writev [::1]: Broken pipe"),
            "Broken pipe",
        ),
        (
            torch.distributed.DistBackendError(
                "NCCL error in: a.cpp:9\nncclRemoteError: remote process exited or ..."
            ),
            "remote process exited",
        ),
    ],
)
def test_a_process_that_has_gone(error, cause):
    sentence = explain(error)
    assert f"another process of this training has ended ({cause})" in sentence
    assert "\n" not in sentence


class Greedy(Dataset):
    """Data whose first sample does something to the process that loads it."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> int:
        with naming("a.jpg"):
            self.act()
        return index


def allocate() -> None:
    raise MemoryError


ACTS = {
    "python": (allocate, r"memory ran out \(MemoryError\)"),
    "numpy": (lambda: np.empty(1 << 59), r"memory ran out \(.*Unable to allocate"),
    "killed": (lambda: os.kill(os.getpid(), signal.SIGKILL), "process that loads data"),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_worker_without_memory(act):
    function, expected = ACTS[act]
    loader = DataLoader(Greedy(function), num_workers=1)
    sentence = explain(caught(lambda: list(loader)))
    assert re.search(expected, sentence)
    assert "\n" not in sentence
    assert "--resume goes on" in sentence


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: torch.empty(1 << 59),
        lambda: np.empty(1 << 59),
    ],
)
def test_memory_that_runs_out(allocate):
    assert explain(caught(allocate)).startswith("memory ran out (")


def test_the_nearest_name_of_an_unknown_type():
    error = caught(lambda: MODELS.build({"type": "EncoderDecodr"}))
    expected = "type='EncoderDecodr' is not a registered model; did you mean "
    assert explain(error) == f"{expected}'EncoderDecoder'?"
    assert unknown_type("Qqqqq", "model") == "type='Qqqqq' is not a registered model"


def test_names_of_all_packages():
    found = names("model")
    assert {"SemiSegmentor", "EncoderDecoder", "BaseDataPreprocessor"} <= set(found)
    assert names("no such registry") == []


def test_an_error_of_several_lines_becomes_one():
    registry = Registry("mine")

    @registry.register_module()
    def part() -> None:
        raise AssertionError("one\n  two")

    assert explain(caught(lambda: registry.build({"type": "part"}))).endswith("one two")
    assert one_line(ValueError()) == "ValueError"


class Raising:
    """An object whose end raises an error, which Python cannot let out.

    Args:
        text: Of the error.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def __del__(self) -> None:
        raise RuntimeError(self.text)


def test_a_worker_that_is_killed_during_a_callback_is_told_once(monkeypatch):
    """Seen in a soak, in Python's callback after a fork."""
    seen: list[str] = []
    monkeypatch.setattr(
        sys, "unraisablehook", lambda found: seen.append(str(found.exc_value))
    )
    outer = sys.unraisablehook
    with workers_told_once():
        Raising("DataLoader worker (pid 23494) is killed by signal: Killed. ")
        Raising("DataLoader worker (pid(s) 5, 7) exited unexpectedly")
        Raising("something else")
    assert seen == ["something else"]
    assert sys.unraisablehook is outer
