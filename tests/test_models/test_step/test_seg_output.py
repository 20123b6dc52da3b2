"""The wrapper around thirteen of mmseg's architectures: build, train, save, use."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import NUM_CLASSES, PREPROCESSOR, adversarial_objectives, batch, sample
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS

BN = {"type": "BN", "requires_grad": True}
GN = {"type": "GN", "num_groups": 2}


def head(kind, in_channels, **kwargs):
    return {
        "type": kind,
        "in_channels": in_channels,
        "channels": 8,
        "num_classes": NUM_CLASSES,
        "norm_cfg": BN,
        "align_corners": False,
        "loss_decode": {"type": "CrossEntropyLoss"},
        **kwargs,
    }


def resnet(depth=18, **kwargs):
    return {
        "type": "ResNetV1c",
        "depth": depth,
        "base_channels": 8,
        "stem_channels": 8,
        "norm_cfg": BN,
        **kwargs,
    }


WIDE = [8, 16, 32, 64]
PYRAMID = {"in_index": [0, 1, 2, 3]}
SWIN = {
    "type": "SwinTransformer",
    "embed_dims": 8,
    "depths": [1, 1, 1, 1],
    "num_heads": [1, 1, 1, 1],
    "window_size": 4,
}
MIT = {
    "type": "MixVisionTransformer",
    "embed_dims": 8,
    "num_layers": [1, 1, 1, 1],
    "num_heads": [1, 2, 4, 8],
    "sr_ratios": [8, 4, 2, 1],
}
HRNET = {
    "type": "HRNet",
    "norm_cfg": BN,
    "extra": {
        f"stage{i}": {
            "num_modules": 1,
            "num_branches": i,
            "block": "BOTTLENECK" if i == 1 else "BASIC",
            "num_blocks": (1,) * i,
            "num_channels": (4, 8, 16, 32)[:i] if i > 1 else (4,),
        }
        for i in range(1, 5)
    },
}
UNET = {
    "type": "UNet",
    "base_channels": 4,
    "norm_cfg": BN,
    "num_stages": 4,
    "strides": (1, 1, 1, 1),
    "enc_num_convs": (1, 1, 1, 1),
    "dec_num_convs": (1, 1, 1),
    "downsamples": (True, True, True),
    "enc_dilations": (1, 1, 1, 1),
    "dec_dilations": (1, 1, 1),
}
MSCAN = {
    "type": "MSCAN",
    "embed_dims": [8, 8, 16, 16],
    "depths": [1, 1, 1, 1],
    "norm_cfg": BN,
}

MODELS_OF_MMSEG = {
    "fcn": (resnet(), head("FCNHead", 64, in_index=3, num_convs=1)),
    "psp": (resnet(), head("PSPHead", 64, in_index=3, pool_scales=(1, 2))),
    "aspp": (resnet(), head("ASPPHead", 64, in_index=3, dilations=(1, 2))),
    "deeplabv3plus": (
        resnet(),
        head(
            "DepthwiseSeparableASPPHead",
            64,
            in_index=3,
            dilations=(1, 2),
            c1_in_channels=8,
            c1_channels=4,
        ),
    ),
    "upernet": (resnet(), head("UPerHead", WIDE, pool_scales=(1, 2), **PYRAMID)),
    "mobilenetv3": (
        {"type": "MobileNetV3", "arch": "small", "norm_cfg": BN},
        head("FCNHead", 576, in_index=2, num_convs=1),
    ),
    "segformer": (MIT, head("SegformerHead", [8, 16, 32, 64], **PYRAMID)),
    "hrnet": (
        HRNET,
        head("FCNHead", [4, 8, 16, 32], input_transform="resize_concat", **PYRAMID),
    ),
    "unet": (UNET, head("FCNHead", 4, in_index=3, num_convs=1)),
    "swin_upernet": (SWIN, head("UPerHead", WIDE, pool_scales=(1, 2), **PYRAMID)),
    "segnext": (
        MSCAN,
        head(
            "LightHamHead",
            [8, 16, 16],
            in_index=[1, 2, 3],
            ham_channels=8,
            ham_kwargs={"MD_R": 4},
            norm_cfg=GN,
        ),
    ),
    "encnet": (
        resnet(),
        head(
            "EncHead",
            [16, 32, 64],
            in_index=(1, 2, 3),
            num_codes=4,
            loss_se_decode={"type": "CrossEntropyLoss", "use_sigmoid": True},
        ),
    ),
}


def segmentor(name):
    if name == "ocr_cascade":
        heads = [
            head("FCNHead", 64, in_index=3, num_convs=1),
            head("OCRHead", 64, in_index=3, ocr_channels=8),
        ]
        kind = {"type": "CascadeEncoderDecoder", "num_stages": 2}
        tests = {"train_cfg": {}, "test_cfg": {"mode": "whole"}}
        return {**kind, "backbone": resnet(), "decode_head": heads, **tests}
    backbone, decode_head = MODELS_OF_MMSEG[name]
    auxiliary = None
    if name == "psp":
        auxiliary = head("FCNHead", 32, in_index=2, num_convs=1)
    return {
        "type": "EncoderDecoder",
        "backbone": backbone,
        "decode_head": decode_head,
        "auxiliary_head": auxiliary,
        "train_cfg": {},
        "test_cfg": {"mode": "whole"},
    }


def build(name):
    objectives = [
        *adversarial_objectives(),
        {"type": "ConsistencyObjective", "threshold": 0.3},
    ]
    return MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": copy.deepcopy(segmentor(name)),
            "teacher": {"momentum": 0.9, "ramp": False},
            "objectives": objectives,
            "data_preprocessor": PREPROCESSOR,
        }
    )


OPTIMIZERS = {
    "constructor": "JointOptimWrapperConstructor",
    "segmentor": {"optimizer": {"type": "SGD", "lr": 0.01}},
    "discriminator": {"optimizer": {"type": "Adam", "lr": 1e-3}},
}


@pytest.mark.parametrize("name", [*MODELS_OF_MMSEG, "ocr_cascade"])
def test_trains_saves_loads_and_predicts(name, tmp_path):
    model = build(name)
    optimizers = build_optim_wrapper(model, copy.deepcopy(OPTIMIZERS))
    data = batch(size=64, views=("unlabeled", "unlabeled_strong"))
    inputs = model.train().data_preprocessor(copy.deepcopy(data), True)
    total, _ = model.parse_losses(model(**inputs, mode="loss"))
    total.backward()
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert not [n for n, p in trained.items() if p.grad is None], "no loss reaches"
    assert not any(n.startswith("teacher.") for n in trained)
    losses = model.train_step(copy.deepcopy(data), optimizers)
    model.teacher.update(model.segmentor)
    assert all(value.isfinite() for value in losses.values()), losses
    last = "decode_1" if name == "ocr_cascade" else "decode"
    assert losses[f"labeled.{last}.loss_ce"] > 0
    assert any(k.startswith("labeled.aux") for k in losses) == (name == "psp")

    torch.save(model.state_dict(), tmp_path / "model.pth")
    restored = build(name)
    restored.load_state_dict(torch.load(tmp_path / "model.pth", weights_only=True))
    assert restored.iteration.value == 2
    assert restored.teacher.updates.value == 1
    images = {"inputs": [torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)]}
    images["data_samples"] = [sample((64, 64))]
    results = []
    for network in (model, restored):
        network.eval()
        for who in ("student", "teacher"):
            network.configure_test(who)
            torch.manual_seed(0)  # LightHamHead draws its bases
            with torch.no_grad():
                (result,) = network.test_step(copy.deepcopy(images))
            results.append(result.seg_logits.data)
    assert torch.equal(results[0], results[2])
    assert torch.equal(results[1], results[3])
    assert not torch.equal(results[0], results[1])


@pytest.mark.parametrize("name", ["fcn", "psp", "ocr_cascade", "encnet"])
def test_supervised_loss_is_mmsegs_own(name):
    """Same weights, same images: the losses of mmseg's ``loss``, bit for bit."""
    torch.manual_seed(0)
    model = build(name).train()
    data = model.data_preprocessor(batch(size=64), True)
    torch.manual_seed(1)
    step = model.make_step(**data)
    ours = step.student(step["labeled"]).supervised_loss(step["labeled"].samples)
    torch.manual_seed(1)
    theirs = model.segmentor.loss(
        data["inputs"]["labeled"], data["data_samples"]["labeled"]
    )
    assert set(ours) == set(theirs)
    if name == "ocr_cascade":  # mmseg runs the first head twice, dropout included
        theirs.pop("decode_1.loss_ce")
        theirs.pop("decode_1.acc_seg")
    for key, value in theirs.items():
        # The accuracy is computed another way, without a wait for the device.
        tolerance = 1e-6 if key.endswith("acc_seg") else 0
        torch.testing.assert_close(ours[key], value, rtol=tolerance, atol=0)
