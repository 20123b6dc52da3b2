"""A replay names the place at which a failed step began to go wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from failed_steps import broken_root, fail, with_root
from processes import in_two_processes
from tiny_methods import OBJECTIVES, method_config

from mmseg_semisup.core.errors import CheckpointError, ConfigError
from mmseg_semisup.engine.nonfinite import NumbersWatch
from mmseg_semisup.replay import replay, run
from mmseg_semisup.replay.read import read_failed_step
from mmseg_semisup.replay.report import FINITE, describe

FIXMATCH = {
    **method_config("supervised"),
    "objectives": {
        "unimatch": {
            "type": "UniMatchObjective",
            "threshold": 0.26,
            "strong": ["unlabeled_strong"],
            "joint": ["labeled"],
        }
    },
}


def infinite_pixel(model, batches):
    image = batches[0]["inputs"]["unlabeled_strong"][2].float()
    image[1, 3, 4] = float("inf")
    images = batches[0]["inputs"]["unlabeled_strong"]
    images[:] = [one.float() for one in images]
    images[2] = image
    batches[0]["data_samples"]["unlabeled_strong"][2].set_metainfo(
        {"img_path": "photos/third.jpg"}
    )


def huge_weight(model, batches):
    convolution = model.objectives["adversarial"].discriminator.classifier
    torch.nn.init.constant_(convolution.weight, 3e38)


def tiny_temperature(model, batches):
    model.objectives["context_contrast"].temperature = 1e-39


CASES = {
    "fixmatch": (
        FIXMATCH,
        infinite_pixel,
        r"image 2 of unlabeled_strong, photos/third\.jpg: 1 Inf of \(3, 24, 24\) "
        r"float32 before the step; at \[1, 3, 4\]: \S+ \S+ \[inf\]",
    ),
    "adv_semi_seg": (
        "adv_semi_seg",
        huge_weight,
        r"objectives\.adversarial\.discriminator\.classifier aten\.convolution "
        r"\(mmseg_semisup/models/discriminators/fc_discriminator\.py:\d+, forward\): "
        r"36 Inf of \(4, 1, 3, 3\) float32 in the forward pass; at \[0, 0, 0, 0\]: "
        r"\[inf\] inf inf$",
    ),
    "context_aware": (
        "context_aware",
        tiny_temperature,
        r"objectives\.context_contrast aten\.div \(mmseg_semisup/models/losses/"
        r"\w+_contrast\.py:\d+, \w+\): \d+ Inf of \(\d+, 6\) float32 in the forward ",
    ),
}


@pytest.mark.parametrize("method", CASES)
def test_the_place_is_named(tmp_path, method):
    cfg, spoil, expected = CASES[method]
    path, message = fail(tmp_path, cfg, spoil)
    assert f"`tools/replay.py {path}` repeats the step" in message
    assert re.search(r"the file has \d+\.\d MB\. Look at", message)
    text = replay(path)
    print(text)
    head, said, _, first, *_ = text.splitlines()
    assert head == f"{path}: iteration 2, float32 on cpu; repeated on cpu"
    assert said.removeprefix("The training said: ") in message
    assert re.match(expected, first), text


METHODS = [name for name in OBJECTIVES if name != "supervised"]


@pytest.mark.parametrize("method", METHODS)
def test_the_same_losses_again(tmp_path, monkeypatch, method):
    """Bit for bit, of a step whose gradient alone goes wrong; by trust only."""
    said: list[dict[str, float]] = []
    note = NumbersWatch.note_losses

    def remember(watch, losses):
        said.append({key: float(v.detach().mean()) for key, v in losses.items()})
        note(watch, losses)

    monkeypatch.setattr(NumbersWatch, "note_losses", remember)
    path, message = fail(tmp_path, with_root(method), broken_root)
    assert "finite, but not the gradients of objectives.root.bias" in message
    with pytest.raises(CheckpointError, match="objectives.*'failed_steps.RootObject"):
        replay(path)
    found: list[dict[str, float]] = []
    monkeypatch.setattr(run, "describe", lambda *a: found.append(a[2]) or describe(*a))
    text = replay(path, trust=True)
    assert found[-1] == said[-1]
    assert re.match(
        r"objectives\.root aten\.\w+ of SqrtBackward0 \(\S*failed_steps\.py:\d+, "
        r"forward\): 3 (NaN|Inf) of \(3,\) float32 in the backward pass; "
        r"at \[0\]: \[(nan|inf)\]",
        text.splitlines()[3],
    ), text


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_passes_that_are_accumulated(tmp_path, precision):
    def spoil(model, batches):
        infinite_pixel(model, batches[1:])

    path, _ = fail(tmp_path, FIXMATCH, spoil, precision, passes=2)
    step = read_failed_step(path)
    assert len(step.processes[0].passes) == 2
    assert (step.loss_scale is None) == (precision != "float16")
    assert "\nimage 2 of unlabeled_strong, photos/third.jpg: 1 Inf" in replay(path)


def test_a_loss_scale_that_does_not_help(tmp_path):
    """Finite losses whose gradients float16 cannot hold."""

    def spoil(model, batches):
        model.labeled_weight = 1e36

    path, message = fail(tmp_path, "supervised", spoil, "float16", lowest_scale=1e6)
    assert "at a loss scale of 65536" in message
    first = replay(path).splitlines()[3]
    assert re.search(r"Inf of .* float\d+ in the backward pass", first)


def fail_in_one(rank: int, folder: Path) -> str:
    spoil = infinite_pixel if rank else lambda model, batches: None
    return fail(folder, FIXMATCH, spoil)[1]


@pytest.mark.slow
def test_two_processes(tmp_path):
    first, second = in_two_processes(fail_in_one, tmp_path)
    assert first == second
    text = replay(tmp_path / "failed_step.pth")
    assert "float32 on cpu, 2 processes; repeated on cpu" in text
    assert f"\nProcess 0: {FINITE}" in text
    assert "\nProcess 1: image 2 of unlabeled_strong, photos/third.jpg: 1 Inf" in text


def test_a_step_that_is_right_here(tmp_path):
    path, _ = fail(tmp_path, FIXMATCH, infinite_pixel)
    content = torch.load(path, weights_only=False)
    content["processes"][0]["passes"][0]["batch"]["inputs"]["unlabeled_strong"][2][
        1, 3, 4
    ] = 0
    content["device"] = "cuda:0"
    torch.save(content, path)
    text = replay(path)
    assert "--device cuda repeats it there" in text
    assert "The step does not go wrong here" in text
    with pytest.raises(ConfigError, match="--device nowhere"):
        replay(path, "nowhere")
