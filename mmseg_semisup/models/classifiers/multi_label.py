"""A classifier of the classes that an image shows (Mittal 2019, section 3.2)."""

from __future__ import annotations

from typing import Any

import torch.nn as nn
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class MultiLabelClassifier(BaseModule):
    """Backbone, global average pooling, and a linear layer.

    Args:
        backbone: Config of any mmseg backbone.
        in_channels: Channels of the pooled feature map.
        num_classes: Number of classes C, background included where there is one.
        in_index: Index of the backbone's output that is pooled.
        dropout_ratio: Dropout of the pooled features.
        bias: Whether the linear layer has a bias. Class activation maps should have
            none, because a bias has no position.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        in_channels: int,
        num_classes: int,
        in_index: int = -1,
        dropout_ratio: float = 0.0,
        bias: bool = True,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        default = {"type": "Normal", "layer": "Linear", "std": 0.01}
        super().__init__(init_cfg or default)
        self.backbone = MODELS.build(backbone)
        self.in_index = in_index
        self.num_classes = num_classes
        self.dropout = nn.Dropout(dropout_ratio)
        self.fc = nn.Linear(in_channels, num_classes, bias=bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, C), float, of images (N, 3, H, W), float."""
        return self.fc(self.dropout(self.features(images).mean(dim=(2, 3))))

    def features(self, images: Tensor) -> Tensor:
        """The features that are pooled, (N, in_channels, h, w), float."""
        return self.backbone(images)[self.in_index]
