"""A projection of features for a contrastive loss."""

from __future__ import annotations

import torch.nn as nn


class Projector(nn.Sequential):
    """Two 1x1 convolutions with a ReLU between: (N, C, h, w) to (N, D, h, w).

    It separates the classified features from the compared ones, so that the former keep
    information that the loss would remove (Lai et al., CVPR 2021, section 3.2).

    Args:
        in_channels: C, the channels of the features.
        channels: D, the channels of the projection.
        hidden_channels: Channels in between; None: ``in_channels``.
    """

    def __init__(
        self, in_channels: int, channels: int = 128, hidden_channels: int | None = None
    ) -> None:
        hidden = hidden_channels or in_channels
        super().__init__(
            nn.Conv2d(in_channels, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1),
        )
        self.in_channels = in_channels
        self.out_channels = channels
