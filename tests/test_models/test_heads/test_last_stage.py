"""Last stages of another width, and Table VII's networks for ResNet-101."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from torch.nn import BatchNorm2d

from mmseg_semisup.models.heads import (
    AuxiliaryBranch,
    EfficientNetLiteLastStage,
    ResNetLastStage,
)

MODELS_FOLDER = Path(__file__).parents[3] / "configs/_base_/models"


def backbone(**changes):
    return {"type": "ResNet", "depth": 18, "base_channels": 8, **changes}


def count(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"depth": 50, "style": "caffe"},
        {"strides": (1, 2, 1, 1), "dilations": (1, 1, 2, 4)},
        {"dilations": (1, 1, 2, 4), "strides": (1, 2, 1, 1), "contract_dilation": True},
        {"type": "ResNetV1c"},
        {"type": "ResNetV1d", "depth": 50},
        {"norm_cfg": {"type": "GN", "num_groups": 2}},
        {"num_stages": 3, "strides": (1, 2, 2), "dilations": (1, 1, 1)},
    ],
)
def test_full_width_has_the_backbones_structure(changes):
    cfg = backbone(**changes)
    if "num_stages" in changes:
        cfg["out_indices"] = (0, 1, 2)
    whole, stage = MODELS.build(cfg), ResNetLastStage(cfg, width=1.0)
    last = getattr(whole, whole.res_layers[-1])
    shapes = {k: v.shape for k, v in last.state_dict().items()}
    assert {k: v.shape for k, v in stage.blocks.state_dict().items()} == shapes
    stage.blocks.load_state_dict(last.state_dict())
    whole.eval()  # mmseg's returns nothing
    feats = whole(torch.rand(1, 3, 32, 32))
    torch.testing.assert_close(stage.eval()(feats[-2]), feats[-1])
    assert (stage.in_channels, stage.out_channels) == (
        feats[-2].shape[1],
        feats[-1].shape[1],
    )


def test_half_width():
    stage = ResNetLastStage(backbone(depth=50))
    assert (stage.in_channels, stage.out_channels) == (128, 128)
    # The shortcut stays a convolution, as in the backbone.
    assert stage.blocks[0].downsample is not None
    assert stage(torch.rand(1, 128, 8, 8)).shape == (1, 128, 4, 4)


def test_efficientnet_lite():
    cfg = {"type": "EfficientNetLite", "arch": "lite0", "out_indices": (1, 2, 3, 4)}
    whole = MODELS.build(cfg).eval()
    stage = EfficientNetLiteLastStage(cfg, width=1.0).eval()
    blocks = whole._blocks[whole._ends[3] + 1 :]
    for mine, theirs in zip(stage.blocks, blocks, strict=True):
        mine.load_state_dict(theirs.state_dict())
    feats = whole(torch.rand(1, 3, 64, 64))
    torch.testing.assert_close(stage(feats[-2]), feats[-1])
    half = EfficientNetLiteLastStage(cfg)
    assert (half.in_channels, half.out_channels) == (112, 160)
    assert count(half) < 0.35 * count(stage)


def test_frozen_statistics_stay_frozen():
    stage = ResNetLastStage(backbone(norm_eval=True)).train()
    norms = [m for m in stage.modules() if isinstance(m, BatchNorm2d)]
    assert norms
    assert not any(m.training for m in norms)
    assert stage.training
    stage = ResNetLastStage(backbone()).train()
    assert all(m.training for m in stage.modules() if isinstance(m, BatchNorm2d))


def test_table_vii_parameters_for_resnet_101():
    """44.0 M; the published code's g^ makes it 49.3 M, its g~ 45.7 M.

    The code's branches have an output more than there are classes.
    """
    cfg = Config.fromfile(MODELS_FOLDER / "deeplabv2_r101-d8.py").model
    cfg.backbone.init_cfg = None
    with torch.device("meta"):
        network = MODELS.build(cfg.backbone), MODELS.build(cfg.decode_head)
        sizes = {}
        for classes in (21, 22):
            head = dict(type="DeepLabV2Head", num_classes=classes)
            stage = dict(type="ResNetLastStage", backbone=cfg.backbone)
            sizes[classes] = (
                count(AuxiliaryBranch(dict(head, in_channels=1024), stage)),
                count(AuxiliaryBranch(dict(head, in_channels=2048))),
            )
    base = count(*network)
    assert round(base / 1e6, 1) == 44.0
    assert [round((base + n) / 1e6, 1) for n in sizes[22]] == [49.3, 45.7]
    assert [round((base + n) / 1e6, 1) for n in sizes[21]] == [49.2, 45.6]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ResNetLastStage({"type": "ResNeXt", "depth": 50}), "'ResNeXt'"),
        (lambda: ResNetLastStage(backbone(), width=0), "width=0"),
        (lambda: ResNetLastStage(backbone(), width=1.5), "width=1.5"),
        (lambda: ResNetLastStage(backbone(), width=1e-4), "width=0.0001"),
        (lambda: ResNetLastStage({}), "backbone.type=None"),
        (lambda: ResNetLastStage(backbone(dcn={"type": "DCN"})), "dcn"),
        (
            lambda: ResNetLastStage(
                backbone(num_stages=1, strides=(1,), dilations=(1,), out_indices=(0,))
            ),
            "num_stages=1",
        ),
        (lambda: EfficientNetLiteLastStage(backbone()), "'ResNet'"),
        (
            lambda: EfficientNetLiteLastStage(
                {"type": "EfficientNetLite", "out_indices": (4,)}
            ),
            "out_indices",
        ),
        (
            lambda: EfficientNetLiteLastStage({"type": "EfficientNetLite"}, width=2),
            "width=2",
        ),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()
