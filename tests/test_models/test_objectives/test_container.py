"""Objectives by name, and states of a time when they were a list."""

from __future__ import annotations

import pytest
import torch
from helpers import PREPROCESSOR, adversarial_objectives, tiny_segmentor
from mmengine.runner.checkpoint import load_state_dict
from mmseg.registry import MODELS

from mmseg_semisup.models.objectives import named_configs

ADVERSARIAL, SELF_TAUGHT = adversarial_objectives()


def build(objectives, seed=0):
    torch.manual_seed(seed)
    return MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "objectives": objectives,
            "data_preprocessor": PREPROCESSOR,
        }
    )


def as_list(state):
    """The names of objectives by position, as they were in a list."""
    names = ("adversarial", "self_taught", "judge")
    for index, name in enumerate(names):
        state = {
            k.replace(f"objectives.{name}.", f"objectives.{index}."): v
            for k, v in state.items()
        }
    return state


def test_a_list_is_named_by_type():
    configs = [ADVERSARIAL, SELF_TAUGHT, ADVERSARIAL, {**ADVERSARIAL, "name": "mine"}]
    names = ["adversarial", "self_taught", "adversarial_2", "mine"]
    assert list(named_configs(configs)) == names
    assert "name" not in named_configs(configs)["mine"]


def test_objectives_by_name_and_by_position():
    model = build({"judge": ADVERSARIAL, "taught": SELF_TAUGHT, "gone": None})
    assert list(model.objectives.keys()) == ["judge", "taught"]
    assert model.objectives["judge"] is model.objectives[0]
    assert model.objectives[-1].name == "taught"
    names = [n for n, _ in model.named_parameters() if n.startswith("objectives")]
    assert names
    assert all(name.startswith("objectives.judge.discriminator.") for name in names)


@pytest.mark.parametrize("load", [torch.nn.Module.load_state_dict, load_state_dict])
@pytest.mark.parametrize("name", ["adversarial", "judge"])
def test_a_state_by_position_loads_by_name(load, name):
    trained = build([ADVERSARIAL, SELF_TAUGHT])
    model = build({name: ADVERSARIAL, "taught": SELF_TAUGHT}, seed=1)
    load(model, as_list(trained.state_dict()))
    for one, other in zip(trained.parameters(), model.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("objectives", [[SELF_TAUGHT, ADVERSARIAL], []])
def test_a_state_that_cannot_be_matched_is_named(objectives):
    trained = build([ADVERSARIAL, SELF_TAUGHT])
    message = r"by position and has 'discriminator.* at 0, .*order of the training"
    with pytest.raises(ValueError, match=message):
        build(objectives).load_state_dict(as_list(trained.state_dict()))


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        (
            [{**ADVERSARIAL, "name": "a"}, {**SELF_TAUGHT, "name": "a"}],
            "two have the na",
        ),
        ({"loss_x": SELF_TAUGHT}, "'loss_x' is not allowed"),
        ({"labeled": SELF_TAUGHT}, "'labeled' is not allowed"),
        ({"a.b": SELF_TAUGHT}, r"'a\.b' is not allowed"),
        ({"update": SELF_TAUGHT}, "'update' is not allowed"),
        ({"a": {"type": "FCNHead"}}, "FCNHead is no objective"),
        (
            {"judge": ADVERSARIAL, "juge": {"weights": {}}},
            r"objectives\.juge has no type, .*; did you mean 'judge'",
        ),
        ({"a": {"type": "Nothing"}}, r"objectives\.a: type='Nothing'"),
        ([{"type": "Nothing"}], r"objectives\[0\]: type='Nothing'"),
    ],
)
def test_mistakes_are_named(objectives, message):
    with pytest.raises(ValueError, match=message):
        build(objectives)


def test_facts_of_the_segmentor_are_handed_down():
    discriminator = {"type": "FCDiscriminator", "channels": (4, 4)}
    contrast = {"type": "ContextContrastObjective", "projector": {"channels": 4}}
    model = build(
        {
            "adversarial": {**ADVERSARIAL, "discriminator": discriminator},
            "contrast": contrast,
            "weak": {"type": "WeakMaskObjective"},
        }
    )
    assert model.objectives["adversarial"].discriminator.num_classes == 4
    assert model.objectives["contrast"].in_channels == 8
    assert model.objectives["weak"].classifier.out_channels == 4
    wrong = {**ADVERSARIAL, "discriminator": {**discriminator, "num_classes": 5}}
    message = r"objectives\.judge\.discriminator\.num_classes=5, .*FCNHead is 4"
    with pytest.raises(ValueError, match=message):
        build({"judge": wrong})
