"""A classifier of the classes that an image shows (Mittal 2019, section 3.2)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn as nn
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

PROBE = (224, 224)
"""Height and width of the image that measures a backbone's output, in pixels: a
multiple of patches of 14 and 16 pixels, and of a stride of 32."""


@MODELS.register_module()
class MultiLabelClassifier(BaseModule):
    """Backbone, global average pooling, and a linear layer.

    Args:
        backbone: Config of any mmseg backbone.
        num_classes: Number of classes C, background included where there is one.
        in_channels: Channels of the pooled feature map; None: they are measured, with
            one image of 224x224 pixels.
        in_index: Index of the backbone's output that is pooled.
        dropout_ratio: Dropout of the pooled features.
        bias: Whether the linear layer has a bias. Class activation maps should have
            none, because a bias has no position.
        init_cfg: As in mmengine; None: normally distributed weights of the linear
            layer, with standard deviation 0.01.

    Raises:
        ValueError: If ``in_channels`` is None and the output cannot be pooled.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        num_classes: int,
        in_channels: int | None = None,
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
        if in_channels is None:
            in_channels = measured_channels(self.backbone, in_index)
        self.dropout = nn.Dropout(dropout_ratio)
        self.fc = nn.Linear(in_channels, num_classes, bias=bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, C), float, of images (N, 3, H, W), float."""
        return self.fc(self.dropout(self.features(images).mean(dim=(2, 3))))

    def features(self, images: Tensor) -> Tensor:
        """The features that are pooled, (N, in_channels, h, w), float."""
        return self.backbone(images)[self.in_index]


@torch.no_grad()
def measured_channels(backbone: nn.Module, index: int) -> int:
    """Channels of one of a backbone's outputs, measured with a black image.

    Args:
        backbone: A backbone on the CPU; its state and its mode stay as they are.
        index: Position of the output.

    Raises:
        ValueError: If the backbone cannot run on such an image, or its output there is
            no map (N, C, h, w).
    """
    name = f"the backbone {type(backbone).__name__}"
    advice = "; a classifier needs a backbone with a list of maps (N, C, h, w)"
    modes = {module: module.training for module in backbone.modules()}
    backbone.eval()
    try:
        outputs = backbone(torch.zeros(1, 3, *PROBE))
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{name} cannot run on {PROBE[0]}x{PROBE[1]} pixels, which would measure "
            f"its channels: {reason}; state the classifier's in_channels"
        ) from error
    finally:
        for module, training in modes.items():
            module.training = training
    if not isinstance(outputs, (list, tuple)):
        # DDRNet and PIDNet: other outputs are added in training.
        raise ValueError(f"{name} gives no list of maps when it is evaluated{advice}")
    if not -len(outputs) <= index < len(outputs):
        raise ValueError(f"{name} has {len(outputs)} outputs and none at {index}")
    output = outputs[index]
    if not isinstance(output, Tensor) or output.ndim != 4:
        kind = type(output).__name__
        shape = tuple(output.shape) if isinstance(output, Tensor) else kind
        raise ValueError(f"{name} gives {shape} as output {index}{advice}")
    return output.shape[1]
