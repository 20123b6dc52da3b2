"""Files of failed steps that are damaged, changed or made to do harm: one line each."""

from __future__ import annotations

import copy
import os
from pathlib import Path

import pytest
import torch
from failed_steps import fail
from mmengine.registry import init_default_scope
from pickle_changes import count_refused
from test_core.test_checkpoint import Payload

from mmseg_semisup.core.errors import CheckpointError
from mmseg_semisup.replay import replay
from mmseg_semisup.replay.read import read_failed_step
from mmseg_semisup.replay.rebuild import rebuild_model


def infinite_weight(model, batches):
    with torch.no_grad():
        model.segmentor.backbone.conv1.weight[3, 0, 1, 1] = float("inf")


@pytest.fixture(scope="module")
def content(tmp_path_factory) -> dict:
    """What the file of a failed step holds."""
    init_default_scope("mmseg")
    path, _ = fail(tmp_path_factory.mktemp("step"), "mean_teacher", infinite_weight)
    return torch.load(path, weights_only=False)


def test_a_weight_of_before(tmp_path, content):
    torch.save(content, tmp_path / "step.pth")
    first = replay(tmp_path / "step.pth").splitlines()[3]
    assert first.startswith(
        "segmentor.backbone.conv1.weight: 1 Inf of (8, 3, 7, 7) float32 before the "
        "step; at [3, 0, 1, 1]: "
    )


PASS = ("processes", 0, "passes", 0)
SEGMENTOR = ("config", "model", "segmentor")
CHANGES = [
    (("failed_step",), 2, "failed_step=2; this version reads 1"),
    (("failed_step",), None, "failed_step=None"),
    (("iteration",), -1, "iteration=-1; allowed"),
    (("iteration",), "x", "iteration='x'"),
    (("max_iters",), 10**15, "max_iters=10"),
    (("labeled_images",), [1], "labeled_images="),
    (("device",), 5, "device=5 is no text"),
    (("precision",), "float8", "precision='float8'; allowed"),
    (("loss_scale",), float("nan"), "loss_scale=nan"),
    (("config",), [], "config.model is no config"),
    (("config", "model"), "unet", "config.model is no config"),
    (("state_dict",), {"a": 1}, "state_dict is no dictionary of tensors"),
    (("state_dict",), {}, "state_dict does not fit config.model: 'seg"),
    (("state_dict", "iteration._extra_state"), "abc", "give no model"),
    (("state_dict", "more"), torch.ones(1), "does not fit config.model: 'more'"),
    (("attributes",), 5, "attributes are no numbers"),
    (("attributes", "segmentor"), {"training": "no"}, "attributes are no numbers"),
    (("processes",), [], "processes is no list"),
    (("processes", 0), 1, r"processes\[0\]\.buffers is no"),
    (("processes", 0, "passes"), [], r"processes\[0\]\.passes is no list"),
    ((*PASS, "generators"), {"cpu": torch.ones(3)}, "generators is no state"),
    ((*PASS, "generators", "numpy"), ("MT19937", [1], 9, 0, 0.0), "generators is no"),
    ((*PASS, "batch"), [], "batch has no inputs"),
    ((*PASS, "batch", "inputs"), {"labeled": ["x"]}, "the step ends with"),
    ((*PASS, "batch", "inputs"), 3, "batch.inputs is no"),
    (
        (*PASS, "batch", "data_samples", "labeled", 0, "__kind__"),
        "Popen",
        "a data element of the kind 'Popen'",
    ),
    (
        (*PASS, "batch", "data_samples", "labeled", 0, "data"),
        {"__class__": 1},
        "a field that has no name",
    ),
    ((*SEGMENTOR, "type"), "os.system", "segmentor.type='os.system' is no part of"),
    ((*SEGMENTOR, "type"), "subprocess.Popen", "'subprocess.Popen' is no part of"),
    ((*SEGMENTOR, "type"), "VPD", "segmentor.type='VPD' is no part of"),
    ((*SEGMENTOR, "type"), 3, "segmentor.type=3 is no part of"),
    ((*SEGMENTOR, "_scope_"), "foreign", "segmentor._scope_='foreign'"),
    ((*SEGMENTOR, "backbone", "depth"), 17, "give no model"),
    ((*SEGMENTOR, "backbone", "base_channels"), 1 << 40, "give no model"),
    ((*SEGMENTOR, "backbone", "stem_channels"), 1 << 20, "much larger than its wei"),
    ((*SEGMENTOR, "decode_head", "num_convs"), 1 << 30, "much larger than its weig"),
    (
        (*SEGMENTOR, "decode_head", "loss_decode"),
        {"type": "CrossEntropyLoss", "class_weight": "weights.pkl"},
        "loss_decode.class_weight='weights.pkl' is a file",
    ),
]


@pytest.mark.parametrize(("keys", "value", "message"), CHANGES)
def test_another_form_is_named(tmp_path, content, keys, value, message):
    changed = copy.deepcopy(content)
    node = changed
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    path = tmp_path / "step.pth"
    torch.save(changed, path)
    with pytest.raises(CheckpointError, match=f"step.pth cannot be .*{message}") as e:
        replay(path)
    assert "\n" not in str(e.value)


def test_a_file_of_something_else(tmp_path, content):
    path = tmp_path / "step.pth"
    with pytest.raises(FileNotFoundError, match="no checkpoint file"):
        replay(path)
    torch.save({"state_dict": {}}, path)
    with pytest.raises(CheckpointError, match=r"step\.pth .* no file of a failed step"):
        replay(path)
    torch.save(content | {"extra": Payload(os.mkdir, str(tmp_path / "made"))}, path)
    for trust in (False, True):
        with pytest.raises(CheckpointError, match="could execute code"):
            replay(path, trust=trust)
    assert not (tmp_path / "made").exists()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="is damaged: its end is missing"):
        replay(path)


def is_refused(path: Path) -> bool:
    try:
        rebuild_model(read_failed_step(path), trust=False)
    except CheckpointError as error:
        return "\n" not in str(error)
    return False


@pytest.mark.parametrize(
    ("seed", "number"),
    [(0, 100), pytest.param(1, 2_000, marks=pytest.mark.slow)],
)
def test_a_changed_pickle_is_refused_or_harmless(tmp_path, content, seed, number):
    kept = copy.deepcopy(content)
    # Thousands of words of generators would get almost all of the changes.
    kept["processes"][0]["passes"][0]["generators"] = {"cpu": torch.get_rng_state()}
    path = tmp_path / "step.pth"
    refused = count_refused(path, kept, is_refused, seed, number)
    assert number / 4 < refused < number
