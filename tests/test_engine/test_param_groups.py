"""Few groups of parameters, fused steps, and states of optimizers with many groups."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import DefaultOptimWrapperConstructor, PolyLR, build_optim_wrapper
from mmseg.registry import MODELS
from torch import nn

from mmseg_semisup.engine.hooks import LearningRatesHook
from mmseg_semisup.engine.param_groups import (
    fused_settings,
    group_names,
    regrouped_schedule,
)

SGD = {"type": "SGD", "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3}
ADAMW = {"type": "AdamW", "lr": 0.01, "weight_decay": 0.1}
RULES = {"norm_decay_mult": 0.0, "custom_keys": {"head": {"lr_mult": 10.0}}}


class Network(nn.Module):
    """Parameters of many sizes; ``late`` gets no gradient at first."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.Conv2d(16, 8, 3)
        )
        self.late = nn.Conv2d(8, 8, 1)
        self.head = nn.Conv2d(8, 5, 1)


def fill_gradients(network, step):
    generator = torch.Generator().manual_seed(step)
    for name, parameter in network.named_parameters():
        gradient = torch.randn(parameter.shape, generator=generator)
        late = name.startswith("late") and step < 2
        parameter.grad = None if late else gradient


def joint(network, optimizer, rules=RULES):
    part = {"optimizer": optimizer, "paramwise_cfg": rules}
    cfg = {"constructor": "JointOptimWrapperConstructor", "segmentor": part}
    return build_optim_wrapper(network, copy.deepcopy(cfg))


def mmengine_optimizer(network, optimizer, rules=RULES):
    """MMEngine's own: one group a parameter, one operation after the other."""
    cfg = {"type": "OptimWrapper", "optimizer": dict(optimizer)}
    return DefaultOptimWrapperConstructor(cfg, rules)(network).optimizer


def steps(network, optimizer, first=0, count=4):
    for step in range(first, first + count):
        fill_gradients(network, step)
        optimizer.step()


def same(network, other, **tolerance):
    for (name, p), q in zip(
        network.named_parameters(), other.parameters(), strict=True
    ):
        if tolerance:
            torch.testing.assert_close(p, q, msg=name, **tolerance)
        else:
            assert torch.equal(p, q), name


@pytest.mark.parametrize(
    "changes", [{}, {"nesterov": True}, {"momentum": 0.0}, {"dampening": 0.5}]
)
@pytest.mark.parametrize("rules", [RULES, None])
def test_sgd_is_that_of_single_parameters_bit_for_bit(changes, rules):
    network, other = Network(), Network()
    steps(network, joint(network, {**SGD, **changes}, rules)["segmentor"].optimizer)
    steps(other, mmengine_optimizer(other, {**SGD, **changes}, rules))
    same(network, other)


def test_adamw_is_that_of_single_parameters_but_for_rounding():
    network, other = Network(), Network()
    wrapper = joint(network, ADAMW)["segmentor"]
    assert all(group["fused"] for group in wrapper.optimizer.param_groups)
    steps(network, wrapper.optimizer)
    steps(other, mmengine_optimizer(other, ADAMW))
    same(network, other, rtol=1e-6, atol=1e-7)


def test_a_residual_network_is_stepped_by_few_operations():
    torch.manual_seed(0)
    network = nn.Module()
    network.backbone = MODELS.build({"type": "mmseg.ResNetV1c", "depth": 50})
    network.head = nn.Conv2d(2048, 21, 1)
    optimizer = joint(network, SGD, {"custom_keys": RULES["custom_keys"]})
    optimizer = optimizer["segmentor"].optimizer
    assert len(optimizer.param_groups) == 3
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    with torch.profiler.profile() as profile:
        optimizer.step()
    calls = [e for e in profile.events() if e.name.startswith("aten::")]
    assert 0 < len(calls) < 100


@pytest.mark.parametrize("settings", [SGD, ADAMW])
def test_a_state_with_one_group_a_parameter_goes_on(settings):
    network, other = Network(), Network()
    old = mmengine_optimizer(other, {**settings, "foreach": False})
    steps(other, old)
    network.load_state_dict(other.state_dict())
    wrapper = joint(network, settings)
    state = copy.deepcopy(old.state_dict())
    wrapper.load_state_dict({"segmentor": state})
    steps(network, wrapper["segmentor"].optimizer, first=4)
    steps(other, old, first=4)
    if settings is SGD:
        same(network, other)
    else:
        same(network, other, rtol=1e-6, atol=1e-7)


def test_its_own_state_goes_on():
    network, other = Network(), Network()
    wrapper, again = joint(network, SGD), joint(other, SGD)
    steps(network, wrapper["segmentor"].optimizer)
    other.load_state_dict(network.state_dict())
    again.load_state_dict(copy.deepcopy(wrapper.state_dict()))
    for one, owner in ((wrapper, network), (again, other)):
        steps(owner, one["segmentor"].optimizer, first=4)
    same(network, other)


def test_other_settings_in_the_checkpoint_are_refused():
    network = Network()
    old = mmengine_optimizer(network, SGD)
    old.param_groups[1]["momentum"] = 0.5
    with pytest.raises(ValueError, match="another momentum in group 1 than in group 0"):
        joint(network, SGD).load_state_dict({"segmentor": old.state_dict()})


def test_a_state_of_other_parameters_is_refused():
    old = torch.optim.SGD(Network().backbone.parameters(), lr=0.1)
    with pytest.raises(
        ValueError, match="6 parameters in 1 groups instead of 10 in 4, or"
    ):
        joint(Network(), SGD).load_state_dict({"segmentor": old.state_dict()})


@pytest.mark.parametrize("settings", [SGD, ADAMW])
def test_states_and_gradients_may_be_laid_out_otherwise(settings):
    network, other = Network(), Network()
    optimizer = joint(network, settings)["segmentor"].optimizer
    plain = joint(other, settings)["segmentor"].optimizer
    for owner, one in ((network, optimizer), (other, plain)):
        steps(owner, one, count=3)
    # As a resumed training does that turns on channels_last.
    weight = network.backbone[0].weight
    weight.data = weight.data.to(memory_format=torch.channels_last)
    for owner, one in ((network, optimizer), (other, plain)):
        steps(owner, one, first=3)
    assert network.backbone[0].weight.stride() != other.backbone[0].weight.stride()
    same(network, other, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("kind", "settings", "fused"),
    [
        (torch.optim.SGD, {}, True),
        (torch.optim.AdamW, {"lr": 1}, True),
        (torch.optim.SGD, {"dampening": 0.1}, None),
        (torch.optim.Adam, {"foreach": False}, None),
        (torch.optim.Adam, {"fused": False}, False),
        (torch.optim.RMSprop, {}, None),
    ],
)
def test_the_fused_step_is_the_default_where_torch_has_it(kind, settings, fused):
    assert fused_settings(kind, settings).get("fused") is fused


@pytest.mark.parametrize(("rules", "rates_expected"), [(RULES, 2), (None, 1)])
def test_schedules_of_former_groups_go_on(rules, rates_expected):
    network, other = Network(), Network()
    cfg = {"type": "OptimWrapper", "optimizer": dict(SGD)}
    old = DefaultOptimWrapperConstructor(cfg, rules)(other)
    wrapper = joint(network, SGD, rules)
    both = [
        PolyLR(one, power=0.9, eta_min=0.0, begin=0, end=10, by_epoch=False)
        for one in (old, wrapper["segmentor"])
    ]
    for owner, one in ((other, old), (network, wrapper["segmentor"])):
        steps(owner, one.optimizer, count=1)
    both[0].step()
    checkpoint = {"param_schedulers": {"segmentor": [both[0].state_dict()]}}
    runner = SimpleNamespace(optim_wrapper=wrapper)
    LearningRatesHook().after_load_checkpoint(runner, checkpoint)
    both[1].load_state_dict(checkpoint["param_schedulers"]["segmentor"][0])
    wrapper.load_state_dict({"segmentor": copy.deepcopy(old.state_dict())})
    for schedule in both:
        schedule.step()
    rates = {
        id(p): group["lr"]
        for group in old.optimizer.param_groups
        for p in group["params"]
    }
    names = {id(p): n for n, p in network.named_parameters()}
    theirs = {n: rates[id(p)] for n, p in other.named_parameters()}
    groups = wrapper["segmentor"].optimizer.param_groups
    ours = {names[id(p)]: group["lr"] for group in groups for p in group["params"]}
    assert ours == theirs
    assert len(set(ours.values())) == rates_expected


def test_a_schedule_of_today_stays_as_it_is():
    """One former group that is two today: MMEngine has no plain rate behind them."""
    wrapper = joint(Network(), SGD, None)
    part = wrapper["segmentor"]
    assert len(part.optimizer.param_groups) == 2
    schedule = PolyLR(part, power=0.9, begin=0, end=10, by_epoch=False)
    state = {k: v for k, v in schedule.state_dict().items() if k != "optimizer"}
    kept = regrouped_schedule(state, wrapper.groupings["segmentor"])
    assert kept == state
    assert len(kept["base_values"]) == 2


def test_each_group_has_a_name_and_its_rate_is_logged():
    model = nn.Module()
    model.segmentor = Network()
    wrapper = joint(model, ADAMW)
    names = {id(p): n for n, p in model.named_parameters()}
    found = group_names(wrapper["segmentor"].optimizer, names)
    assert found == ["backbone+late", "backbone", "head"]
    hub = MessageHub("rates")
    runner = SimpleNamespace(optim_wrapper=wrapper, model=model, message_hub=hub)
    hook = LearningRatesHook()
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    logged = {k: v.current() for k, v in hub.log_scalars.items()}
    assert logged == {
        "train/segmentor.lr/backbone+late": 0.01,
        "train/segmentor.lr/backbone": 0.01,
        "train/segmentor.lr/head": 0.1,
    }
