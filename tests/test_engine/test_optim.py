"""One backward pass for several optimizers, in one process and in two."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import PREPROCESSOR, adversarial_objectives, batch, tiny_segmentor
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import DefaultOptimWrapperConstructor, build_optim_wrapper
from mmseg.registry import MODELS
from processes import in_two_processes

from mmseg_semisup.engine import optim

OPTIMIZERS = {
    "constructor": "JointOptimWrapperConstructor",
    "segmentor": {
        "optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9},
        "paramwise_cfg": {"custom_keys": {"decode_head": {"lr_mult": 10.0}}},
    },
    "discriminator": {"optimizer": {"type": "Adam", "lr": 1e-3, "betas": (0.9, 0.99)}},
}


def build_model():
    torch.manual_seed(0)
    return MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "teacher": {"momentum": 0.9},
            "objectives": adversarial_objectives(threshold=0.0),
            "data_preprocessor": PREPROCESSOR,
        }
    )


def optimizers(model, **changes):
    return build_optim_wrapper(model, copy.deepcopy({**OPTIMIZERS, **changes}))


def trained(model):
    return {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}


def part_of(data, first, count):
    return {
        key: {b: values[first : first + count] for b, values in branches.items()}
        for key, branches in data.items()
    }


def train(model, wrapper, steps, first=0, count=4):
    module = getattr(model, "module", model)
    for i in range(steps):
        model.train()
        data = part_of(batch(4, 4, seed=i), first, count)
        model.train_step(data, wrapper)
        module.teacher.update(module.segmentor)


def test_every_parameter_has_one_optimizer_and_its_rate():
    model = build_model()
    wrapper = optimizers(model)
    names = {id(p): n for n, p in model.named_parameters()}
    rates = {}
    for key in ("segmentor", "discriminator"):
        for group in wrapper[key].optimizer.param_groups:
            for p in group["params"]:
                assert names[id(p)] not in rates
                rates[names[id(p)]] = (key, group["lr"])
    assert set(rates) == set(trained(model))
    assert rates["segmentor.decode_head.conv_seg.weight"] == ("segmentor", 1.0)
    assert rates["segmentor.backbone.conv1.weight"] == ("segmentor", 0.1)
    name = "objectives.adversarial.discriminator.classifier.bias"
    assert rates[name] == ("discriminator", 1e-3)


def test_equals_separate_steps_of_plain_optimizers():
    model, plain = build_model(), build_model()
    data = batch()
    wrapper = optimizers(model)
    head = {id(p) for p in plain.segmentor.decode_head.parameters()}
    groups = [
        {"params": [p for p in plain.segmentor.parameters() if id(p) not in head]},
        {"params": list(plain.segmentor.decode_head.parameters()), "lr": 1.0},
    ]
    sgd = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    adam = torch.optim.Adam(
        plain.objectives[0].discriminator.parameters(), lr=1e-3, betas=(0.9, 0.99)
    )
    for _ in range(3):
        model.train().train_step(copy.deepcopy(data), wrapper)
        inputs = plain.train().data_preprocessor(copy.deepcopy(data), True)
        losses = plain(**inputs, mode="loss")
        loss_d = losses.pop("adversarial.discriminator.loss")
        sgd.zero_grad()
        adam.zero_grad()
        sum(v for k, v in losses.items() if "loss" in k).backward(retain_graph=True)
        sgd_only = [p.grad for p in plain.objectives[0].discriminator.parameters()]
        assert not any(g is not None and g.any() for g in sgd_only)
        loss_d.backward()
        sgd.step()
        adam.step()
    for name, value in trained(model).items():
        torch.testing.assert_close(value, trained(plain)[name], msg=name)


def test_accumulation_steps_once_for_several_batches():
    model = build_model()
    wrapper = optimizers(model, accumulative_counts=2)
    wrapper.initialize_count_status(model, 0, 4)
    before = {n: p.clone() for n, p in trained(model).items()}
    model.train_step(batch(), wrapper)
    assert all(torch.equal(before[n], p) for n, p in trained(model).items())
    assert not wrapper.should_update()
    model.train_step(batch(seed=1), wrapper)
    assert wrapper.should_update()
    assert not any(torch.equal(before[n], p) for n, p in trained(model).items())
    assert all(p.grad is None for p in model.parameters())


def test_clipping_is_of_one_network():
    part = {**OPTIMIZERS["segmentor"], "clip_grad": {"max_norm": 1e-12}}
    model = build_model()
    wrapper = optimizers(model, segmentor=part)
    before = {n: p.clone() for n, p in trained(model).items()}
    model.train_step(batch(), wrapper)
    for name, value in trained(model).items():
        moved = (value - before[name]).abs().max()
        assert (moved > 1e-5) == name.startswith("objectives."), name


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_stays_near_float32(precision):
    losses = []
    for kind in ("float32", precision):
        model = build_model()
        wrapper = optimizers(model, precision=kind)
        for i in range(3):
            log = model.train().train_step(batch(seed=i), wrapper)
        assert all(p.dtype == torch.float32 for p in model.parameters())
        losses.append(float(log["loss"]))
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    assert losses[0] != losses[1]


def test_state_survives():
    model = build_model()
    wrapper = optimizers(model, precision="float16")
    train(model, wrapper, 2, count=2)
    other = build_model()
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    restored = optimizers(other, precision="float16")
    restored.load_state_dict(copy.deepcopy(wrapper.state_dict()))
    train(model, wrapper, 1, count=2)
    train(other, restored, 1, count=2)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_mistakes_are_named():
    model = build_model()
    with pytest.raises(ValueError, match=r"optim_wrapper\.projector.*discriminator"):
        optimizers(model, projector={"optimizer": {"type": "SGD", "lr": 1}})
    with pytest.raises(ValueError, match="needs the key 'segmentor'"):
        build_optim_wrapper(model, {"constructor": "JointOptimWrapperConstructor"})
    with pytest.raises(ValueError, match=r"optim_wrapper\.optimizer=.*expected dict"):
        optimizers(model, optimizer={"type": "SGD"})
    with pytest.raises(ValueError, match="precision='half'.*float16"):
        optimizers(model, precision="half")
    with pytest.raises(ValueError, match="holds optimizers.*'generator'"):
        optimizers(model).load_state_dict({"generator": {}})


def train_part(rank):
    model = build_model()
    ddp = MMDistributedDataParallel(model, broadcast_buffers=False)
    wrapper = optimizers(ddp)
    wrapper.initialize_count_status(ddp, 0, 5)
    train(ddp, wrapper, 5, first=2 * rank, count=2)
    return model.state_dict()


def test_two_processes_equal_one():
    """The same global batch, with masks of equal size: equal weights everywhere.

    The self-taught loss is a mean over the pixels that each process selects, which is
    not the mean over all selected pixels; threshold 0 selects all of them.
    """
    model = build_model()
    wrapper = optimizers(model)
    train(model, wrapper, 5)
    first, second = in_two_processes(train_part)
    for name, value in model.state_dict().items():
        assert torch.equal(first[name], second[name]), name
        if value.is_floating_point():
            torch.testing.assert_close(value, first[name], rtol=1e-4, atol=1e-6)


def test_what_a_constructor_prints_goes_to_the_log(capsys, monkeypatch):
    said = []
    monkeypatch.setattr(optim, "print_log", lambda text, logger: said.append(text))

    class Talkative(DefaultOptimWrapperConstructor):
        def __call__(self, module):
            print("set param x as id 1")
            return super().__call__(module)

    cfg = dict(constructor=Talkative, optimizer=dict(type="SGD", lr=0.1))
    model = torch.nn.Linear(1, 1)
    constructor = optim.JointOptimWrapperConstructor(dict(segmentor=cfg))
    assert set(constructor(model).optim_wrappers) == {"segmentor"}
    assert capsys.readouterr().out == ""
    assert said == ["Groups of the optimizer segmentor:\nset param x as id 1\n"]
