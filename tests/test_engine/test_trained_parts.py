"""Which optimizer moves which parameter, and at which rate."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import adversarial_objectives, batch
from mmengine.logging import MMLogger
from mmengine.optim import DefaultOptimWrapperConstructor, build_optim_wrapper
from mmseg.engine.optimizers import (
    LayerDecayOptimizerConstructor,
    LearningRateDecayOptimizerConstructor,
)
from mmseg.registry import MODELS
from tiny_methods import build_method
from torch import nn

from mmseg_semisup.engine.trained_parts import divide

LAYERS = 2
HEAD = {
    "type": "FCNHead",
    "in_channels": 16,
    "in_index": 1,
    "channels": 8,
    "num_convs": 1,
    "num_classes": 4,
    "norm_cfg": {"type": "GN", "num_groups": 2},
    "loss_decode": {"type": "CrossEntropyLoss"},
}
TRANSFORMER = {
    "img_size": (32, 32),
    "patch_size": 8,
    "embed_dims": 16,
    "num_layers": LAYERS,
    "num_heads": 2,
    "mlp_ratio": 2,
    "out_indices": (0, 1),
    "init_values": 0.1,
    "attn_drop_rate": 0.0,
    "drop_path_rate": 0.0,
}
TWIN = {"type": "TwinBranchObjective", "head": HEAD, "start": 0}
ADAM = {"type": "AdamW", "lr": 1.0, "weight_decay": 0.05}


@pytest.fixture(autouse=True)
def _quiet():
    MMLogger.get_instance("quiet", log_level="ERROR")


class TinyConvNeXt(nn.Module):
    """A backbone with the names of ConvNeXt, which needs mmpretrain."""

    def __init__(self) -> None:
        super().__init__()
        self.downsample_layers = nn.ModuleList(nn.Conv2d(3, 16, 4, 4) for _ in range(4))
        self.stages = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(16, 16, 1) for _ in range(3)) for _ in range(4)
        )

    def init_weights(self) -> None:
        """As mmengine's modules have it."""

    def forward(self, x):
        """Two maps, of stride 4."""
        x = self.downsample_layers[0](x)
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return [x, x]


def segmentor(backbone):
    cfg = {"type": TinyConvNeXt}
    if backbone != "ConvNeXt":
        cfg = {**TRANSFORMER, "type": backbone}
    if backbone == "BEiT":
        cfg["qv_bias"] = True
    return {
        "type": "EncoderDecoder",
        "backbone": cfg,
        "decode_head": HEAD,
        "test_cfg": {"mode": "whole"},
    }


def part(constructor, **paramwise):
    return {"optimizer": ADAM, "constructor": constructor, "paramwise_cfg": paramwise}


def settings(model, wrapper, prefix=""):
    """Learning rate and weight decay of each parameter below a prefix."""
    names = {id(p): name for name, p in model.named_parameters()}
    found = {}
    for group in wrapper.optimizer.param_groups:
        for p in group["params"]:
            name = names[id(p)]
            assert name.startswith(prefix), name
            assert name not in found
            found[name.removeprefix(prefix)] = (group["lr"], group["weight_decay"])
    return found


def semi(backbone, **changes):
    return MODELS.build(
        {"type": "SemiSegmentor", "segmentor": segmentor(backbone), **changes}
    )


def joint(model, segmentor_part, **others):
    cfg = {"constructor": "JointOptimWrapperConstructor", "segmentor": segmentor_part}
    return build_optim_wrapper(model, copy.deepcopy({**cfg, **others}))


@pytest.mark.parametrize(
    ("backbone", "cfg"),
    [
        (
            "BEiT",
            part(
                "LayerDecayOptimizerConstructor",
                num_layers=LAYERS,
                layer_decay_rate=0.5,
            ),
        ),
        (
            "MAE",
            part(
                "mmseg.LearningRateDecayOptimizerConstructor",
                num_layers=LAYERS,
                decay_rate=0.5,
                decay_type="layer_wise",
            ),
        ),
        (
            "ConvNeXt",
            part(
                LearningRateDecayOptimizerConstructor,
                num_layers=6,
                decay_rate=0.5,
                decay_type="layer_wise",
            ),
        ),
        (
            "ConvNeXt",
            part(
                LearningRateDecayOptimizerConstructor,
                num_layers=4,
                decay_rate=0.5,
                decay_type="stage_wise",
            ),
        ),
    ],
    ids=["beit", "mae", "convnext", "convnext-stages"],
)
@pytest.mark.parametrize("objectives", [[], [TWIN]], ids=["supervised", "twin"])
def test_layers_have_the_rates_of_plain_mmseg(backbone, cfg, objectives):
    plain = MODELS.build(segmentor(backbone))
    alone = settings(plain, build_optim_wrapper(plain, copy.deepcopy(cfg)))
    assert len({rate for rate, _ in alone.values()}) > 2
    model = semi(backbone, teacher={"momentum": 0.9}, objectives=objectives)
    wrapper = joint(model, cfg)
    assert settings(model, wrapper["segmentor"], "segmentor.") == alone
    if not objectives:
        assert set(wrapper.keys()) == {"segmentor"}
        return
    rest = settings(model, wrapper["objectives"], "objectives.")
    assert set(rest.values()) == {(1.0, 0.05)}
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert len(trained) == len(alone) + len(rest)


def test_claimed_networks_leave_no_rest_and_train():
    cfg = part("LayerDecayOptimizerConstructor", num_layers=2, layer_decay_rate=0.5)
    cfg["optimizer"] = {"type": "SGD", "lr": 0.1, "weight_decay": 0.0}
    model = semi("BEiT", objectives=adversarial_objectives())
    wrapper = joint(model, cfg, discriminator={"optimizer": {"type": "Adam"}})
    assert set(wrapper.keys()) == {"segmentor", "discriminator"}
    before = {n: p.clone() for n, p in model.named_parameters()}
    model.train_step(batch(size=32), wrapper)
    still = [n for n, p in model.named_parameters() if torch.equal(before[n], p)]
    assert not still


def test_a_key_within_the_segmentor_keeps_its_own_optimizer():
    cfg = part("LayerDecayOptimizerConstructor", num_layers=2, layer_decay_rate=0.5)
    model = semi("BEiT")
    wrapper = joint(model, cfg, decode_head={"optimizer": {"type": "SGD", "lr": 7.0}})
    own = settings(model, wrapper["segmentor"], "segmentor.backbone.")
    assert {rate for rate, _ in own.values()} == {0.125, 0.25, 0.5}
    head = settings(model, wrapper["decode_head"], "segmentor.decode_head.")
    assert {rate for rate, _ in head.values()} == {7.0}


NETWORKS = {
    "peer": {"type": "Peer"},
    "older": {"type": "Snapshot", "interval": 2},
    "slow": {"type": "Average", "momentum": 0.9},
}


def test_a_named_network_is_treated_like_the_segmentor():
    cfg = part("LayerDecayOptimizerConstructor", num_layers=2, layer_decay_rate=0.5)
    model = semi("BEiT", objectives=[TWIN], networks=NETWORKS)
    wrapper = joint(model, cfg)
    assert set(wrapper.keys()) == {"segmentor", "peer", "objectives"}
    student = settings(model, wrapper["segmentor"], "segmentor.")
    assert settings(model, wrapper["peer"], "networks.peer.network.") == student


def test_a_named_network_may_have_a_key():
    cfg = part("LayerDecayOptimizerConstructor", num_layers=2, layer_decay_rate=0.5)
    other = copy.deepcopy(cfg)
    other["optimizer"]["lr"] = 2.0
    model = semi("BEiT", networks=NETWORKS)
    wrapper = joint(model, cfg, peer=other)
    assert set(wrapper.keys()) == {"segmentor", "peer"}
    student = settings(model, wrapper["segmentor"], "segmentor.")
    peer = settings(model, wrapper["peer"], "networks.peer.network.")
    assert peer == {n: (2 * rate, decay) for n, (rate, decay) in student.items()}


@pytest.mark.parametrize(
    "constructor",
    [None, "DefaultOptimWrapperConstructor", DefaultOptimWrapperConstructor],
)
def test_the_ordinary_constructor_has_one_optimizer(constructor):
    cfg = {"optimizer": ADAM}
    if constructor is not None:
        cfg["constructor"] = constructor
    teacher = {"momentum": 0.9}
    model = semi("BEiT", objectives=[TWIN], teacher=teacher, networks=NETWORKS)
    wrapper = joint(model, cfg)
    assert set(wrapper.keys()) == {"segmentor"}
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert set(settings(model, wrapper["segmentor"])) == trained


def test_a_plain_segmentor_is_its_own_student():
    cfg = part(LayerDecayOptimizerConstructor, num_layers=2, layer_decay_rate=0.5)
    model = MODELS.build(segmentor("BEiT"))
    alone = settings(model, build_optim_wrapper(model, copy.deepcopy(cfg)))
    assert settings(model, joint(model, cfg)["segmentor"]) == alone


def test_state_goes_on_under_the_same_names():
    cfg = part("LayerDecayOptimizerConstructor", num_layers=2, layer_decay_rate=0.5)
    model = semi("BEiT", objectives=[TWIN])
    wrapper = joint(model, cfg)
    state = wrapper.state_dict()
    joint(model, cfg).load_state_dict(state)
    with pytest.raises(ValueError, match=r"\['objectives', 'segmentor'\]"):
        joint(semi("BEiT"), cfg).load_state_dict(state)


def test_averages_of_objectives_are_not_trained():
    model = build_method("u2pl")
    names = {
        n
        for part in divide(model, {"segmentor": {}})
        for n, _ in part.module.named_parameters()
    }
    contrast = "objectives.class_contrast."
    assert f"{contrast}projector.0.weight" in names
    assert not any(name.startswith(f"{contrast}average") for name in names)
