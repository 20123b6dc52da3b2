"""The fully convolutional discriminator of AdvSemiSeg (Hung et al., BMVC 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class FCDiscriminator(BaseModule):
    """Tells predicted class maps from ground truth, pixel by pixel (section 4.1).

    4x4 convolutions with stride 2, each followed by a leaky ReLU, without
    normalisation; the last one has one channel, which is upsampled to the size of the
    input.

    Args:
        num_classes: Channels of the class probability maps (C).
        channels: Output channels of the convolutions before the last.
        end: 'conv' for the paper's network; 'fc' for the ablation without FCD of
            Table 6: the features are averaged over the image and a linear layer gives
            one score an image, which every pixel of it shares.
        negative_slope: Negative slope of the leaky ReLU.
        init_cfg: Initialisation; None keeps PyTorch's, as in the authors' code.
    """

    def __init__(
        self,
        num_classes: int,
        channels: Sequence[int] = (64, 128, 256, 512),
        end: str = "conv",
        negative_slope: float = 0.2,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if end not in ("conv", "fc"):
            raise ValueError(f"FCDiscriminator: end={end!r}; allowed: 'conv', 'fc'")
        self.num_classes = num_classes
        layers: list[nn.Module] = []
        width = num_classes
        for out_width in channels:
            layers.append(nn.Conv2d(width, out_width, 4, stride=2, padding=1))
            layers.append(nn.LeakyReLU(negative_slope, inplace=True))
            width = out_width
        self.features = nn.Sequential(*layers)
        if end == "conv":
            self.classifier: nn.Module = nn.Conv2d(width, 1, 4, stride=2, padding=1)
        else:
            self.classifier = nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, 1, 1)
            )
        self.min_size = 2 ** (len(channels) + (end == "conv"))

    def forward(self, probs: Tensor) -> Tensor:
        """Confidence of each pixel to be ground truth, before the sigmoid.

        Args:
            probs: (N, C, H, W), class probabilities or one-hot labels.

        Returns:
            (N, 1, H, W), float.

        Raises:
            ValueError: If the maps are too small for the strides.
        """
        size = probs.shape[-2:]
        if min(size) < self.min_size:
            raise ValueError(
                f"FCDiscriminator: maps of {tuple(size)} pixels; its strides need at "
                f"least {self.min_size} on each side"
            )
        score = self.classifier(self.features(probs))
        return F.interpolate(score, size=size, mode="bilinear", align_corners=True)
