from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from helpers import PREPROCESSOR, adversarial_objectives, batch, tiny_segmentor
from mmseg.registry import MODELS

from mmseg_semisup.engine.hooks import AccelerationHook, acceleration_hook
from mmseg_semisup.engine.hooks.acceleration_hook import accelerate


def _model():
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type="SemiSegmentor",
            segmentor=tiny_segmentor(),
            objectives=adversarial_objectives(),
            data_preprocessor=PREPROCESSOR,
        )
    )


def _losses_and_gradients(model):
    data = model.data_preprocessor(batch(), True)
    losses = model(**data, mode="loss")
    sum(v for k, v in losses.items() if "loss" in k).backward()
    return losses, {k: p.grad for k, p in model.named_parameters()}


@pytest.mark.parametrize(
    "options",
    [
        dict(channels_last=True),
        # the eager backend traces as the others do, but needs no compiler
        dict(compile=dict(backend="eager")),
    ],
)
def test_same_training_and_same_names(options):
    plain = _model()
    fast = copy.deepcopy(plain)
    AccelerationHook(**options).before_run(SimpleNamespace(model=fast))
    assert list(fast.state_dict()) == list(plain.state_dict())
    losses, gradients = _losses_and_gradients(plain)
    fast_losses, fast_gradients = _losses_and_gradients(fast)
    torch.testing.assert_close(fast_losses, losses)
    torch.testing.assert_close(fast_gradients, gradients, rtol=1e-3, atol=1e-6)


def test_channels_last_reaches_every_convolution():
    model = _model()
    AccelerationHook(channels_last=True).before_run(SimpleNamespace(model=model))
    for part in (model.segmentor.backbone, model.objectives[0].discriminator):
        weight = next(p for p in part.parameters() if p.ndim == 4 and p.shape[1] > 1)
        assert weight.is_contiguous(memory_format=torch.channels_last)


def test_compilation_reaches_backbone_and_discriminator(monkeypatch):
    found = []

    def note(part, **options):
        found.append((type(part).__name__, options))

    monkeypatch.setattr(acceleration_hook, "compiled", note)
    AccelerationHook(compile=dict(mode="default")).before_run(
        SimpleNamespace(model=_model())
    )
    assert found == [
        ("ResNet", dict(mode="default")),
        ("FCDiscriminator", dict(mode="default")),
    ]


def test_every_network_is_compiled_however_many_there_are():
    """torch gives up after eight versions of one code."""
    torch._dynamo.reset()
    versions = []

    def backend(module, inputs):
        versions.append(module)
        return module.forward

    model = torch.nn.Module()
    for number in range(1, 11):
        part = torch.nn.Module()
        part.neck = torch.nn.Linear(number, number)
        model.add_module(f"network_{number}", part)
    accelerate(model, compile=dict(backend=backend))
    for number, part in enumerate(model.children(), 1):
        part.neck(torch.ones(1, number))
    assert len(versions) == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(compile=True), "compile=True; allowed: a dict with any of fullgraph"),
        (dict(compile=dict(modes="default")), "compile has no 'modes'; did you mean"),
        (dict(compile=dict(mode="reduce")), "compile.mode='reduce'; .*reduce-overhead"),
        (dict(compile=dict(backend="x")), "compile.backend='x'; allowed: .*inductor"),
        (
            dict(compile=dict(mode="default", options={"a": 1})),
            "compile has mode and options",
        ),
        (dict(graphs="yes"), "graphs='yes'; allowed: True or False"),
        (dict(channels_last=1), "channels_last=1; allowed: True or False"),
        (dict(graphs=True, compile={}), "leave out compile"),
    ],
)
def test_other_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AccelerationHook(**options)
