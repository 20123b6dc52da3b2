"""A tiny segmentor for each head, neck, backbone and segmentor in mmseg's registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from unittest import mock

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmseg.models.backbones import timm_backbone
from mmseg.models.decode_heads import cc_head, point_head, psa_head
from mmseg.registry import MODELS
from mmseg_heads import BN, HEADS, Case, Pyramid, ddrnet, head, network, pidnet, vit


def fcn(backbone, channels, size=64, remark="", **changes) -> Case:
    """A backbone whose last map has so many channels, with an FCNHead."""
    decode_head = head("FCNHead", num_convs=1, in_channels=channels, in_index=-1)
    return Case(network(decode_head, backbone, **changes), size=size, remark=remark)


def resnet(kind="ResNetV1c", depth=18, **changes) -> dict:
    cfg = {"type": kind, "depth": depth, "base_channels": 8, "stem_channels": 8}
    return {**cfg, "norm_cfg": BN, **changes}


BEIT = {
    "type": "BEiT",
    "img_size": 64,
    "embed_dims": 8,
    "num_layers": 1,
    "num_heads": 2,
}
STDC = {
    "type": "STDCNet",
    "stdc_type": "STDCNet1",
    "in_channels": 3,
    "channels": (8, 8, 16, 32, 64),
    "bottleneck_type": "cat",
    "num_convs": 4,
    "norm_cfg": BN,
    "act_cfg": {"type": "ReLU"},
}
TWINS = {
    "embed_dims": [8, 8, 8, 8],
    "num_heads": [1, 1, 1, 1],
    "mlp_ratios": [2, 2, 2, 2],
    "depths": [1, 1, 1, 1],
    "sr_ratios": [8, 4, 2, 1],
}
HRNET = {
    f"stage{i}": {
        "num_modules": 1,
        "num_branches": i,
        "block": "BOTTLENECK" if i == 1 else "BASIC",
        "num_blocks": (1,) * i,
        "num_channels": (4, 8, 16, 32)[:i] if i > 1 else (4,),
    }
    for i in range(1, 5)
}
OWN_HEAD = "with {} (an FCNHead cannot read its output in evaluation mode)"

BACKBONES = {
    "BEiT": fcn(BEIT, 8),
    "BiSeNetV1": fcn(
        {
            "type": "BiSeNetV1",
            "backbone_cfg": resnet(),
            "spatial_channels": (8, 8, 8, 16),
            "context_channels": (16, 32, 64),
            "out_channels": 32,
        },
        16,
    ),
    "BiSeNetV2": fcn(
        {
            "type": "BiSeNetV2",
            "detail_channels": (8, 8, 8),
            "semantic_channels": (4, 8, 8, 8),
            "bga_channels": 8,
        },
        8,
    ),
    "CGNet": fcn(
        {"type": "CGNet", "num_channels": (8, 8, 16), "num_blocks": (2, 2)}, 32
    ),
    "DDRNet": Case(ddrnet(), remark=OWN_HEAD.format("DDRHead")),
    "ERFNet": fcn({"type": "ERFNet"}, 16),
    "FastSCNN": fcn(
        {
            "type": "FastSCNN",
            "downsample_dw_channels": (8, 8),
            "global_in_channels": 8,
            "global_block_channels": (8, 8, 8),
            "global_out_channels": 8,
            "higher_in_channels": 8,
            "lower_in_channels": 8,
            "fusion_out_channels": 8,
        },
        8,
        size=128,
    ),
    "HRNet": fcn({"type": "HRNet", "extra": HRNET}, 32),
    "ICNet": fcn(
        {
            "type": "ICNet",
            "backbone_cfg": resnet(),
            "layer_channels": (16, 64),
            "light_branch_middle_channels": 4,
            "psp_out_channels": 8,
            "out_channels": (8, 8, 8),
        },
        8,
        size=128,
    ),
    "MAE": fcn({**BEIT, "type": "MAE"}, 8),
    "MixVisionTransformer": fcn(
        {"type": "MixVisionTransformer", "embed_dims": 8, "num_layers": [1, 1, 1, 1]},
        64,
    ),
    "MobileNetV2": fcn({"type": "MobileNetV2", "widen_factor": 0.1}, 32),
    "MobileNetV3": fcn({"type": "MobileNetV3"}, 576),
    "MSCAN": fcn(
        {
            "type": "MSCAN",
            "embed_dims": [8, 8, 8, 8],
            "depths": [1, 1, 1, 1],
            "norm_cfg": BN,
        },
        8,
    ),
    "PIDNet": Case(pidnet(), remark=OWN_HEAD.format("PIDHead")),
    "ResNeSt": fcn(resnet("ResNeSt", 50), 256),
    "ResNet": fcn(resnet("ResNet"), 64),
    "ResNetV1c": fcn(resnet("ResNetV1c"), 64),
    "ResNetV1d": fcn(resnet("ResNetV1d"), 64),
    "ResNeXt": fcn(resnet("ResNeXt", 50, groups=2), 256),
    "STDCNet": fcn(STDC, 64),
    "STDCContextPathNet": fcn(
        {
            "type": "STDCContextPathNet",
            "backbone_cfg": STDC,
            "last_in_channels": (64, 32),
            "out_channels": 8,
            "ffm_cfg": {"in_channels": 24, "out_channels": 8, "scale_factor": 4},
        },
        8,
    ),
    "SwinTransformer": fcn(
        {
            "type": "SwinTransformer",
            "embed_dims": 8,
            "depths": [1, 1, 1, 1],
            "num_heads": [1, 1, 1, 1],
            "window_size": 4,
        },
        64,
    ),
    "TIMMBackbone": fcn(
        {"type": "TIMMBackbone", "model_name": "any", "pretrained": False},
        8,
        remark="checked without timm",
    ),
    "PCPVT": fcn({"type": "PCPVT", **TWINS}, 8),
    "SVT": fcn(
        {"type": "SVT", **TWINS, "windiow_sizes": [4, 4, 4, 4]},
        8,
    ),
    "UNet": fcn({"type": "UNet", "base_channels": 4}, 4),
    "VisionTransformer": fcn(vit(), 8),
    "VPD": Case(None, "serves DepthEstimator, and needs the package ldm"),
}


def necked(kind, index=-1, **changes) -> Case:
    neck = {"type": kind, **changes}
    return Case(network(head("FCNHead", num_convs=1, in_index=index), neck=neck))


NECKS = {
    "Feature2Pyramid": necked("Feature2Pyramid", embed_dim=8, norm_cfg=BN),
    "FPN": necked("FPN", in_channels=[8] * 4, out_channels=8, num_outs=4),
    "ICNeck": Case(
        network(
            head("FCNHead", num_convs=1, in_index=2),
            BACKBONES["ICNet"].segmentor["backbone"],
            {"type": "ICNeck", "in_channels": (8, 8, 8), "out_channels": 8},
        ),
        size=128,
    ),
    "JPU": necked("JPU", in_channels=(8,) * 4, mid_channels=2, start_level=1),
    "MLANeck": Case(
        network(
            head("FCNHead", num_convs=1),
            vit(),
            {"type": "MLANeck", "in_channels": [8] * 4, "out_channels": 8},
        )
    ),
    "MultiLevelNeck": necked("MultiLevelNeck", in_channels=[8] * 4, out_channels=8),
}

SEGMENTORS = {
    "CascadeEncoderDecoder": HEADS["OCRHead"],
    "DepthEstimator": Case(
        {**HEADS["FCNHead"].segmentor, "type": "DepthEstimator"},
        "predicts depth, not classes",
    ),
    "EncoderDecoder": HEADS["FCNHead"],
    "MultimodalEncoderDecoder": Case(
        {
            "type": "MultimodalEncoderDecoder",
            "image_encoder": {"type": Pyramid},
            "text_encoder": {"type": Pyramid},
            "decode_head": head("FCNHead"),
            "asymetric_input": False,
        },
        "is not derived from EncoderDecoder, and its heads predict from queries",
    ),
    "SegTTAModel": Case(
        {"type": "SegTTAModel", "module": HEADS["FCNHead"].segmentor},
        "is mmseg's wrapper for testing, to be set as tta_model",
    ),
}

KINDS = {
    "decode_heads": HEADS,
    "backbones": BACKBONES,
    "necks": NECKS,
    "segmentors": SEGMENTORS,
}
# What else stands in the same packages.
PARTS = {"DeconvModule", "InterpConv", "KernelUpdateHead", "KernelUpdator"}


def registered(kind: str) -> set[str]:
    """Names in mmseg's registry whose classes stand in ``mmseg.models.KIND``."""
    return {
        name
        for name, part in MODELS.module_dict.items()
        if part.__module__.startswith(f"mmseg.models.{kind}.")
    } - PARTS


def _sample_points(maps, points, align_corners=False):
    grid = 2 * points[:, :, None] - 1
    return F.grid_sample(maps, grid, align_corners=align_corners)[..., 0]


def _create_model(**_):
    return Pyramid()


class _PSAMask(nn.Identity):
    """An operator that PSAHead calls only if it is not compact."""


class _CrissCrossAttention(nn.Conv2d):
    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 1)


@contextmanager
def stand_ins() -> Iterator[None]:
    """Replace mmcv's compiled operators and timm, here or not, by plain code."""
    with (
        mock.patch.object(psa_head, "PSAMask", _PSAMask),
        mock.patch.object(cc_head, "CrissCrossAttention", _CrissCrossAttention),
        mock.patch.object(point_head, "point_sample", _sample_points),
        mock.patch.object(
            timm_backbone, "timm", SimpleNamespace(create_model=_create_model)
        ),
    ):
        yield


def build(case: Case) -> nn.Module:
    """The case's segmentor, from fixed random numbers."""
    init_default_scope("mmseg")
    torch.manual_seed(0)
    with stand_ins():
        return MODELS.build(case.segmentor)
