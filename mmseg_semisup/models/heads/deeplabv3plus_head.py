"""The head of DeepLabv3+ (Chen et al., ECCV 2018) with full convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn as nn
from mmcv.cnn import build_norm_layer
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor

KAIMING = dict(type="Kaiming", layer="Conv2d", mode="fan_in", nonlinearity="leaky_relu")


@MODELS.register_module()
class DeepLabV3PlusHead(BaseDecodeHead):
    """Atrous pyramid and decoder of DeepLabv3+, as Lai et al. train them.

    In contrast to MMSegmentation's ``DepthwiseSeparableASPPHead``, all convolutions are
    full ones, the one after the pyramid is 1x1, and there is dropout of single features
    after the pyramid and within the decoder. With 2048 channels and 21 classes it has
    16.8 M parameters, the other head 5.8 M. Source: ``models/modeling`` of
    https://github.com/JIA-Lab-research/Context-Aware-Consistency.

    The classifier's own dropout is part of ``conv_seg``: the embedding that objectives
    read is in front of it.

    Args:
        in_channels: Channels of the backbone's last feature.
        num_classes: Number of classes.
        channels: Channels of the pyramid and the decoder.
        dilations: Of the pyramid's branches; 1: a 1x1 convolution, else 3x3.
        c1_in_channels: Channels of the backbone's first output, which the decoder adds.
        c1_channels: Channels to which they are reduced.
        dropout_ratios: Share of features that are dropped after the pyramid, within the
            decoder, and in front of the classifier.
        in_index: Index of the backbone's last feature.
        norm_cfg: Config of the norm layers; None: BatchNorm.
        loss_decode: Config, or list of configs, of the loss.
        ignore_index: Label of pixels without a class.
        align_corners: As in torch's ``interpolate``, for features and logits.
        init_cfg: As in mmengine. Default: Kaiming-normal convolutions.

    Raises:
        ValueError: If ``dilations`` is empty or has a value below 1, or there are not
            three ratios in 0..1.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        channels: int = 256,
        dilations: Sequence[int] = (1, 6, 12, 18),
        c1_in_channels: int = 256,
        c1_channels: int = 48,
        dropout_ratios: Sequence[float] = (0.5, 0.5, 0.1),
        in_index: int = -1,
        norm_cfg: dict[str, Any] | None = None,
        loss_decode: dict[str, Any] | list[dict[str, Any]] | None = None,
        ignore_index: int = 255,
        align_corners: bool = True,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        if not dilations or min(dilations) < 1:
            raise ValueError(
                f"dilations={tuple(dilations)}; allowed: one or more numbers >= 1"
            )
        if len(dropout_ratios) != 3 or not all(0 <= r <= 1 for r in dropout_ratios):
            raise ValueError(
                f"dropout_ratios={tuple(dropout_ratios)}; allowed: three in 0..1"
            )
        norm_cfg = norm_cfg or dict(type="BN")
        super().__init__(
            in_channels,
            channels,
            num_classes=num_classes,
            dropout_ratio=0.0,
            in_index=in_index,
            norm_cfg=norm_cfg,
            loss_decode=loss_decode or dict(type="PixelCrossEntropy"),
            ignore_index=ignore_index,
            align_corners=align_corners,
            init_cfg=init_cfg or KAIMING,
        )
        after_pyramid, in_decoder, in_front = dropout_ratios
        self.branches = nn.ModuleList(
            block(in_channels, channels, 1 if d == 1 else 3, norm_cfg, d)
            for d in dilations
        )
        self.image = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), *block(in_channels, channels, 1, norm_cfg)
        )
        self.pyramid = nn.Sequential(
            *block((len(dilations) + 1) * channels, channels, 1, norm_cfg),
            nn.Dropout(after_pyramid),
        )
        self.c1 = block(c1_in_channels, c1_channels, 1, norm_cfg)
        self.decoder = nn.Sequential(
            *block(channels + c1_channels, channels, 3, norm_cfg),
            nn.Dropout(in_decoder),
            *block(channels, channels, 3, norm_cfg),
        )
        self.conv_seg = DroppedClassifier(channels, self.out_channels, in_front)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify every position of the first feature.

        Args:
            inputs: The backbone's outputs, each (N, C_i, H_i, W_i); the first one has
                ``c1_in_channels``.

        Returns:
            Logits, (N, num_classes, H_0, W_0).
        """
        x, c1 = self._transform_inputs(inputs), self.c1(inputs[0])
        parts = [branch(x) for branch in self.branches]
        image = self.image(x).expand(-1, -1, *x.shape[2:])
        x = self.pyramid(torch.cat([*parts, image], dim=1))
        x = resize(x, c1.shape[2:], mode="bilinear", align_corners=self.align_corners)
        return self.cls_seg(self.decoder(torch.cat([x, c1], dim=1)))


class DroppedClassifier(nn.Sequential):
    """Dropout of single features and a 1x1 convolution to classes.

    Args:
        in_channels: Channels of the features.
        out_channels: Number of outputs.
        dropout_ratio: Share of the features that are dropped.
    """

    def __init__(
        self, in_channels: int, out_channels: int, dropout_ratio: float
    ) -> None:
        super().__init__(
            nn.Dropout(dropout_ratio), nn.Conv2d(in_channels, out_channels, 1)
        )
        self.in_channels = in_channels
        self.out_channels = out_channels


def block(
    in_channels: int,
    out_channels: int,
    size: int,
    norm_cfg: dict[str, Any],
    dilation: int = 1,
) -> nn.Sequential:
    """Convolution without bias, norm and ReLU, which keep height and width."""
    return nn.Sequential(
        nn.Conv2d(
            in_channels,
            out_channels,
            size,
            padding=dilation * (size // 2),
            dilation=dilation,
            bias=False,
        ),
        build_norm_layer(norm_cfg, out_channels)[1],
        nn.ReLU(inplace=True),
    )
