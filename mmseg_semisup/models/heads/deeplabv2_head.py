"""The head of DeepLabv2 (Chen et al., TPAMI 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn as nn
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor


class DilatedClassifiers(nn.ModuleList):
    """3x3 convolutions from features to classes, one a dilation; their sum.

    Args:
        in_channels: Channels of the features.
        out_channels: Number of outputs.
        dilations: One convolution for each.
    """

    def __init__(
        self, in_channels: int, out_channels: int, dilations: Sequence[int]
    ) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=d, dilation=d)
            for d in dilations
        )
        self.in_channels = in_channels
        self.out_channels = out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Classify (N, C, H, W) features to (N, out_channels, H, W) logits."""
        return sum(conv(x) for conv in self)


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """Atrous spatial pyramid pooling as in DeepLabv2: a sum of dilated classifiers.

    The classifiers read the backbone's features directly. Together they are the
    head's ``conv_seg``, so the embedding in front of the classifier is the feature.

    Args:
        in_channels: Channels of the backbone's feature.
        num_classes: Number of classes.
        dilations: Dilations of the classifiers. The code published with AdvSemiSeg,
            s4GAN and three-stage self-training returns after the second one, and the
            authors' numbers belong to that network: ``dilations=(6, 12)`` reproduces
            it.
        out_channels: Outputs of the classifiers; None: ``num_classes``.
        dropout_ratio: Dropout of channels, in front of the classifiers.
        in_index: Index of the backbone's output to read.
        loss_decode: Config, or list of configs, of the loss.
        ignore_index: Label of pixels without a class.
        align_corners: As in torch's ``interpolate``, for the logits.
        init_cfg: As in mmengine. Default: normal with standard deviation 0.01.

    Raises:
        ValueError: If ``dilations`` is empty or has a value below 1.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        dilations: Sequence[int] = (6, 12, 18, 24),
        out_channels: int | None = None,
        dropout_ratio: float = 0.0,
        in_index: int = -1,
        loss_decode: dict[str, Any] | list[dict[str, Any]] | None = None,
        ignore_index: int = 255,
        align_corners: bool = True,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        if not dilations or min(dilations) < 1:
            raise ValueError(
                f"dilations={tuple(dilations)}; allowed: one or more numbers >= 1"
            )
        super().__init__(
            in_channels,
            in_channels,
            num_classes=num_classes,
            out_channels=out_channels,
            dropout_ratio=dropout_ratio,
            in_index=in_index,
            loss_decode=loss_decode or dict(type="PixelCrossEntropy"),
            ignore_index=ignore_index,
            align_corners=align_corners,
            init_cfg=init_cfg or dict(type="Normal", layer="Conv2d", std=0.01),
        )
        self.conv_seg = DilatedClassifiers(in_channels, self.out_channels, dilations)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify every position.

        Args:
            inputs: The backbone's features, each (N, C, H, W).

        Returns:
            Logits, (N, out_channels, H, W), at the size of the feature.
        """
        return self.cls_seg(self._transform_inputs(inputs))
