"""What a checkpoint must hold for a training to go on from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from mmseg_semisup.core.checkpoint_contents import MOST_STEPS, find_fault
from mmseg_semisup.engine.random_state import random_state
from test_core.test_checkpoint_malicious import good


def whole() -> dict:
    """What a training saves, in its form."""
    content = good(
        random_states=[random_state()],
        process_buffers=[{}, {"running_mean": torch.ones(2)}],
        param_schedulers={"segmentor": [{"last_step": 3}]},
        data_seed=5,
    )
    inner = {"state": {0: {"step": torch.tensor(2)}}, "param_groups": [{"params": [0]}]}
    content["optimizer"] = {"segmentor": inner, "loss_scaler": {"scale": 2.0}}
    return content


def put(path: str, value: object) -> Callable[[dict], None]:
    """Set a value at a path of keys."""

    def change(content: dict) -> None:
        node = content
        *before, last = path.split(".")
        for key in before:
            node = node[int(key) if key.isdigit() else key]
        node[last] = value

    return change


def beyond(content: dict) -> None:
    """numpy would take the next number from beyond its state."""
    kind, words, _, *rest = content["random_states"][0]["numpy"]
    content["random_states"][0]["numpy"] = (kind, words, 10**6, *rest)


def test_what_a_training_saves_has_no_fault():
    assert find_fault(whole()) is None
    before = random_state()
    assert find_fault(whole() | {"param_schedulers": [], "random_states": None}) is None
    assert torch.equal(random_state()["cpu"], before["cpu"])
    assert random_state()["numpy"] == before["numpy"]


FAULTS = [
    (put("state_dict", [1]), "state_dict is no dictionary of tensors"),
    (put("state_dict.weight", 5), "state_dict is no dictionary of tensors"),
    (put("optimizer", [1]), "optimizer is no state"),
    (put("optimizer", {}), "optimizer is no state"),
    (put("optimizer.segmentor.state", [1]), "optimizer is no state"),
    (put("optimizer.segmentor.param_groups", [{}]), "optimizer is no state"),
    (put("message_hub", {}), "message_hub has no log_scalars"),
    (put("message_hub.log_scalars", {"loss": 1}), "are no histories"),
    (put("meta", 5), "no meta.iter"),
    (put("meta.iter", True), "no meta.iter"),
    (put("meta.iter", -3), "meta.iter is -3; allowed: 0 to"),
    (put("meta.iter", MOST_STEPS + 1), "allowed: 0 to"),
    (put("meta.epoch", None), "no meta.epoch"),
    (put("param_schedulers", 5), "param_schedulers are"),
    (put("param_schedulers.segmentor", [5]), "param_schedulers are"),
    (put("random_states", 5), "random_states are"),
    (put("random_states", [{}]), "random_states are"),
    (put("random_states", [{"cpu": torch.ones(3)}]), "random_states are"),
    (beyond, "random_states are"),
    (put("process_buffers", [{"mean": [1]}]), "process_buffers are"),
    (put("data_seed", np.float64(1)), "data_seed is"),
]


@pytest.mark.parametrize(("change", "words"), FAULTS)
def test_another_form_is_named(change, words):
    content = whole()
    change(content)
    assert words in find_fault(content)


def test_all_that_is_missing_is_named():
    assert find_fault({"meta": {}}) == (
        "it holds no state_dict and no optimizer and no message_hub"
    )
