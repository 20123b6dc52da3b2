"""A tiny segmentor for each decode head in mmseg's registry."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn as nn
from mmseg.models.decode_heads import (
    Mask2FormerHead,
    MaskFormerHead,
)

CLASSES = 4
BN = {"type": "BN"}
CE = {"type": "CrossEntropyLoss"}
OHEM = {"type": "OhemCrossEntropy", "thres": 0.9, "min_kept": 100}
WHOLE = {"train_cfg": {}, "test_cfg": {"mode": "whole"}}


@dataclass(frozen=True)
class Case:
    """A segmentor that contains the part.

    Args:
        segmentor: Its config; None where mmseg cannot build it by itself.
        refused: Why training with unlabelled images refuses it; '' if it does not.
        remark: What a user should know.
        size: Height and width of the images it is tried on.
    """

    segmentor: dict | None
    refused: str = ""
    remark: str = ""
    size: int = 64


class Pyramid(nn.Module):
    """Four maps of 8 channels with strides 4, 8, 16 and 32, or as given."""

    def __init__(self, strides: tuple[int, ...] = (4, 2, 2, 2)) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, 8, 3, stride, 1), nn.BatchNorm2d(8))
            for inputs, stride in zip((3, 8, 8, 8), strides, strict=True)
        )

    def forward(self, images):
        maps = [images]
        for stage in self.stages:
            maps.append(stage(maps[-1]).relu())
        return maps[1:]


def network(head, backbone=None, neck=None, **changes) -> dict:
    cfg = {"type": "EncoderDecoder", "backbone": backbone or {"type": Pyramid}}
    if neck is not None:
        cfg["neck"] = neck
    return {**cfg, "decode_head": head, **WHOLE, **changes}


def head(kind, **changes) -> dict:
    cfg = {
        "type": kind,
        "in_channels": 8,
        "in_index": 3,
        "channels": 8,
        "num_classes": CLASSES,
        "norm_cfg": BN,
        "align_corners": False,
        "loss_decode": CE,
        **changes,
    }
    return {key: value for key, value in cfg.items() if value != "default"}


def single(kind, **changes) -> Case:
    return Case(network(head(kind, **changes)))


def several(kind, count=4, **changes) -> Case:
    index = list(range(4))[-count:]
    return single(kind, in_channels=[8] * count, in_index=index, **changes)


def pidnet() -> dict:
    backbone = {"type": "PIDNet", "channels": 8, "ppm_channels": 8, "norm_cfg": BN}
    losses = [CE, OHEM, {"type": "BoundaryLoss"}, OHEM]
    return network(
        head("PIDHead", in_channels=32, loss_decode=losses, in_index=-1), backbone
    )


def ddrnet() -> dict:
    backbone = {"type": "DDRNet", "channels": 8, "ppm_channels": 8, "norm_cfg": BN}
    losses = [OHEM, OHEM]
    return network(
        head("DDRHead", in_channels=32, loss_decode=losses, in_index=-1), backbone
    )


def knet() -> dict:
    relu = {"type": "ReLU", "inplace": True}
    update = {
        "type": "KernelUpdateHead",
        "num_classes": CLASSES,
        "num_ffn_fcs": 2,
        "num_heads": 2,
        "num_mask_fcs": 1,
        "feedforward_channels": 16,
        "in_channels": 8,
        "out_channels": 8,
        "conv_kernel_size": 1,
        "ffn_act_cfg": relu,
        "with_ffn": True,
        "feat_transform_cfg": {"conv_cfg": {"type": "Conv2d"}, "act_cfg": None},
        "kernel_updator_cfg": {
            "type": "KernelUpdator",
            "in_channels": 8,
            "feat_channels": 8,
            "out_channels": 8,
            "act_cfg": relu,
            "norm_cfg": {"type": "LN"},
        },
    }
    return network(
        {
            "type": "IterativeDecodeHead",
            "num_stages": 2,
            "kernel_update_head": [update, update],
            "kernel_generate_head": head("FCNHead", num_convs=1),
        }
    )


def cascade(*heads) -> dict:
    cfg = network([{**each, "dropout_ratio": 0} for each in heads])
    return {**cfg, "type": "CascadeEncoderDecoder", "num_stages": len(heads)}


def vit(**changes) -> dict:
    return {
        "type": "VisionTransformer",
        "img_size": 64,
        "embed_dims": 8,
        "num_layers": 4,
        "num_heads": 2,
        "out_indices": (0, 1, 2, 3),
        **changes,
    }


class QueryHead(nn.Module):
    """What mmdet's heads are to those that mmseg derives from them."""

    def __init__(self, num_classes: int) -> None:
        nn.Module.__init__(self)
        self.num_classes = self.out_channels = num_classes
        self.align_corners = False
        self.scores = nn.Conv2d(8, num_classes + 1, 1)

    def forward(self, x, batch_data_samples):
        maps = self.scores(x[0])
        return [maps.mean(dim=3).transpose(1, 2)], [
            maps.mean(1)[:, None].repeat(1, maps.shape[2], 1, 1)
        ]


def query_head(base) -> Case:
    kind = type(base.__name__, (QueryHead, base), {})
    return Case(
        network({"type": kind, "num_classes": CLASSES}),
        "its forward returns masks and classes of queries, and needs samples",
    )


PYRAMID = {"in_channels": [8] * 4, "in_index": [0, 1, 2, 3]}
DPT = {
    **PYRAMID,
    "embed_dims": 8,
    "input_transform": "multiple_select",
    "post_process_channels": [4, 4, 8, 8],
    "readout_type": "project",
}
OPERATOR = "checked without mmcv's compiled operator"

HEADS = {
    "ANNHead": several("ANNHead", 2, project_channels=4),
    "APCHead": single("APCHead", pool_scales=(1, 2)),
    "ASPPHead": single("ASPPHead", dilations=(1, 2)),
    "CCHead": Case(network(head("CCHead")), remark=OPERATOR),
    "DAHead": single("DAHead", pam_channels=4),
    "DDRHead": Case(ddrnet(), remark="only with DDRNet"),
    "DMHead": single("DMHead", filter_sizes=(1, 3)),
    "DNLHead": single("DNLHead"),
    "DPTHead": Case(network(head("DPTHead", **DPT), vit(output_cls_token=True))),
    "EMAHead": single("EMAHead", ema_channels=8, num_bases=4, num_stages=2),
    "EncHead": several("EncHead", 3, num_codes=4),
    "FCNHead": single("FCNHead", num_convs=1),
    "FPNHead": several("FPNHead", feature_strides=[4, 8, 16, 32]),
    "GCHead": single("GCHead"),
    "ISAHead": single("ISAHead", isa_channels=4, down_factor=(2, 2)),
    "IterativeDecodeHead": Case(knet(), remark="K-Net"),
    "LightHamHead": Case(
        network(
            head(
                "LightHamHead",
                in_channels=[8] * 3,
                in_index=[1, 2, 3],
                ham_channels=8,
                # As many steps in training, so that they can be compared.
                ham_kwargs={"MD_R": 4, "train_steps": 7},
                norm_cfg={"type": "GN", "num_groups": 2},
            )
        ),
        remark="6 steps in training, 7 in evaluation mode, from random bases",
    ),
    "LRASPPHead": Case(
        network(
            head(
                "LRASPPHead",
                in_channels=[8] * 3,
                in_index=[0, 1, 1],
                input_transform="multiple_select",
                branch_channels=(4, 4),
            )
        ),
        remark="needs images of at least 392 pixels",
        size=400,
    ),
    "Mask2FormerHead": query_head(Mask2FormerHead),
    "MaskFormerHead": query_head(MaskFormerHead),
    "NLHead": single("NLHead"),
    "OCRHead": Case(
        cascade(head("FCNHead", num_convs=1), head("OCRHead", ocr_channels=4))
    ),
    "PIDHead": Case(pidnet(), remark="only with PIDNet"),
    "PointHead": Case(
        cascade(
            head("FCNHead", num_convs=1),
            head(
                "PointHead",
                in_channels=[8],
                in_index=[0],
                norm_cfg="default",
            ),
        )
        | {
            "test_cfg": {
                "mode": "whole",
                "subdivision_steps": 1,
                "subdivision_num_points": 16,
                "scale_factor": 2,
            }
        },
        "its forward classifies points; the map is made by its predict",
    ),
    "PSAHead": Case(
        network(head("PSAHead", in_index=1, mask_size=(4, 4), compact=True)),
        remark=OPERATOR,
    ),
    "PSPHead": single("PSPHead", pool_scales=(1, 2)),
    "SegformerHead": several("SegformerHead"),
    "SegmenterMaskTransformerHead": single(
        "SegmenterMaskTransformerHead",
        num_layers=1,
        num_heads=2,
        embed_dims=8,
        norm_cfg={"type": "LN"},
        in_index=1,
    ),
    "DepthwiseSeparableASPPHead": single(
        "DepthwiseSeparableASPPHead", dilations=(1, 2), c1_in_channels=8, c1_channels=4
    ),
    "DepthwiseSeparableFCNHead": single("DepthwiseSeparableFCNHead", num_convs=1),
    "SETRMLAHead": Case(
        network(
            head("SETRMLAHead", **PYRAMID, mla_channels=2),
            {"type": Pyramid, "strides": (8, 1, 1, 1)},
        )
    ),
    "SETRUPHead": single("SETRUPHead"),
    "SideAdapterCLIPHead": Case(
        None, "its segmentor, MultimodalEncoderDecoder, is refused"
    ),
    "STDCHead": single(
        "STDCHead", num_convs=1, num_classes=2, loss_decode={**CE, "use_sigmoid": True}
    ),
    "UPerHead": several("UPerHead", pool_scales=(1, 2)),
    "VPDDepthHead": Case(
        network(
            {
                "type": "VPDDepthHead",
                "in_channels": [16, 16, 16, 16],
                "embed_dim": 2,
                "feature_dim": 16,
                "num_deconv_layers": 1,
                "num_deconv_filters": (8,),
            }
        ),
        "predicts depth, not classes",
    ),
}
