"""A narrower copy of the last stage of a backbone, for a branch with its own weights.

Ke et al., A Three-Stage Self-Training Framework, Table VII: ``conv6`` has the structure
of ``conv5`` with half of its channels.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

import torch.nn as nn
from mmcv.cnn import build_conv_layer, build_norm_layer
from mmengine.model import BaseModule
from mmseg.models.backbones import ResNet, ResNetV1c, ResNetV1d
from mmseg.models.utils import ResLayer
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from mmseg_semisup.core.config_types import type_of

from ..backbones.efficientnet_lite import (
    ARCHITECTURES,
    OUTPUT_STAGES,
    STAGES,
    EfficientNetLite,
    InvertedResidual,
    round_channels,
)

RESNETS = (ResNet, ResNetV1c, ResNetV1d)


class LastStage(BaseModule):
    """Base of the last stages of all backbones.

    Attributes:
        in_channels: Channels of its input, the backbone's output before the last.
        out_channels: Channels of its own output.
    """

    in_channels: int
    out_channels: int

    def __init__(
        self, norm_eval: bool, init_cfg: dict[str, Any] | list[dict[str, Any]] | None
    ) -> None:
        super().__init__(init_cfg)
        self.norm_eval = norm_eval

    def train(self, mode: bool = True) -> LastStage:
        """Set the mode; with ``norm_eval``, norm layers stay in evaluation mode."""
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _NormBase):
                    module.eval()
        return self


@MODELS.register_module()
class ResNetLastStage(LastStage):
    """The last stage of a ResNet, with another width.

    Block, depth, stride, dilation, style and norm layers are those of the backbone. The
    shortcut of the first block is a convolution as in the backbone, even if the
    narrower stage does not need one.

    Args:
        backbone: Config of the backbone: a ResNet, ResNetV1c or ResNetV1d.
        width: Share of the stage's channels.
        init_cfg: As in mmengine. Default: Kaiming for convolutions, 1 for norms.

    Raises:
        ValueError: If the backbone is of another kind, or the width leaves no channel.
    """

    def __init__(
        self,
        backbone: Mapping[str, Any],
        width: float = 0.5,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        kind, config = _config_of(backbone, "ResNetLastStage", RESNETS)
        super().__init__(config["norm_eval"], init_cfg or _default_init())
        for key in ("dcn", "plugins"):
            if config[key] is not None:
                raise ValueError(f"ResNetLastStage: backbone.{key} is not supported")
        block, depths = kind.arch_settings[config["depth"]]
        last = config["num_stages"] - 1
        planes = int(config["base_channels"] * 2**last * width)
        _check_width("ResNetLastStage", width, planes)
        if last == 0:
            raise ValueError(
                "ResNetLastStage: backbone.num_stages=1; there must be a stage before "
                "the last one"
            )
        self.in_channels = config["base_channels"] * 2 ** (last - 1) * block.expansion
        self.out_channels = planes * block.expansion
        avg_down = config.get("avg_down", False) or kind is ResNetV1d
        self.blocks = ResLayer(
            block=block,
            inplanes=self.in_channels,
            planes=planes,
            num_blocks=depths[last],
            stride=config["strides"][last],
            dilation=config["dilations"][last],
            avg_down=avg_down,
            multi_grid=config["multi_grid"],
            contract_dilation=config["contract_dilation"],
            style=config["style"],
            with_cp=config["with_cp"],
            conv_cfg=config["conv_cfg"],
            norm_cfg=config["norm_cfg"],
        )
        if self.blocks[0].downsample is None:
            self.blocks[0].downsample = nn.Sequential(
                build_conv_layer(
                    config["conv_cfg"],
                    self.in_channels,
                    self.out_channels,
                    kernel_size=1,
                    bias=False,
                ),
                build_norm_layer(config["norm_cfg"], self.out_channels)[1],
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        return self.blocks(x)


@MODELS.register_module()
class EfficientNetLiteLastStage(LastStage):
    """The layers between the last two outputs of an EfficientNet-Lite, narrower.

    Args:
        backbone: Config of the backbone, an ``EfficientNetLite``.
        width: Share of the channels, rounded to multiples of eight.
        init_cfg: As in mmengine. Default: Kaiming for convolutions, 1 for norms.

    Raises:
        ValueError: If the backbone is of another kind, or the width leaves no channel.
    """

    def __init__(
        self,
        backbone: Mapping[str, Any],
        width: float = 0.5,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        name = "EfficientNetLiteLastStage"
        _, config = _config_of(backbone, name, (EfficientNetLite,))
        super().__init__(config["norm_eval"], init_cfg or _default_init())
        _check_width(name, width, 1)
        if len(set(config["out_indices"])) < 2:
            raise ValueError(
                f"{name}: backbone.out_indices={tuple(config['out_indices'])}; there "
                "must be an output before the last one"
            )
        *_, before, last = sorted(set(config["out_indices"]))
        wide, deep = ARCHITECTURES[config["arch"]]
        norm_cfg = config["norm_cfg"] or dict(type="BN", eps=1e-3, momentum=0.01)
        first = OUTPUT_STAGES[before] + 1
        channels = round_channels(STAGES[first - 1][3], wide)
        self.in_channels = channels
        blocks = []
        for i in range(first, OUTPUT_STAGES[last] + 1):
            kernel, stride, expansion, base, repeats = STAGES[i]
            out_channels = round_channels(base, wide * width)
            if 0 < i < len(STAGES) - 1:
                repeats = math.ceil(repeats * deep)
            for j in range(repeats):
                blocks.append(
                    InvertedResidual(
                        channels,
                        out_channels,
                        kernel,
                        stride if j == 0 else 1,
                        expansion,
                        0.0,
                        norm_cfg,
                    )
                )
                channels = out_channels
        self.out_channels = channels
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        return self.blocks(x)


def _config_of(
    backbone: Mapping[str, Any], name: str, allowed: tuple[type, ...]
) -> tuple[Any, dict[str, Any]]:
    """The class of a backbone, and its arguments with all defaults."""
    cls = type_of(backbone, MODELS)
    if cls not in allowed:
        names = tuple(kind.__name__ for kind in allowed)
        raise ValueError(
            f"{name}: backbone.type={backbone.get('type')!r}; allowed: {names}"
        )
    defaults: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for key, parameter in inspect.signature(base.__init__).parameters.items():
            if parameter.default is not parameter.empty:
                defaults[key] = parameter.default
    return cls, {**defaults, **backbone}


def _check_width(name: str, width: float, channels: int) -> None:
    if not 0 < width <= 1 or channels < 1:
        raise ValueError(f"{name}: width={width}; allowed: 0 < width <= 1")


def _default_init() -> list[dict[str, Any]]:
    return [
        dict(type="Kaiming", layer="Conv2d", mode="fan_out"),
        dict(type="Constant", layer=["_BatchNorm", "GroupNorm"], val=1, bias=0),
    ]
