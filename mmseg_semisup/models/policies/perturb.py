"""Policies that perturb a backbone's features before they are decoded again."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn as nn
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class ChannelDropout(nn.Module):
    """Sets whole channels of each map to zero, and scales up the others (UniMatch).

    Args:
        probability: Share of the channels that are dropped, in 0..1.

    Raises:
        ValueError: If it is out of its range.
    """

    def __init__(self, probability: float = 0.5) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise ValueError(
                f"ChannelDropout: probability={probability}; allowed: 0 to below 1"
            )
        self.probability = probability

    def forward(self, feats: Sequence[Tensor]) -> list[Tensor]:
        """Drop channels of maps, each (N, D_i, H_i, W_i)."""
        return [F.dropout2d(feat, self.probability, self.training) for feat in feats]
