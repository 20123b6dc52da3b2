"""Policies that perturb a backbone's features before they are decoded again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_semisup.core.distributed import warn

Perturbation = Callable[[Sequence[Tensor]], list[Tensor]]


class Perturb(nn.Module):
    """Base of the perturbations."""

    def functions(self, views: int) -> list[Perturbation]:
        """Draw a perturbation for each of several views of the same images.

        Args:
            views: Number of views.

        Returns:
            Functions of the backbone's maps, each (N, D_i, H_i, W_i), that return maps
            of the same shapes; to be used in one step.

        Raises:
            ValueError: If the policy is made for another number of views.
        """
        raise NotImplementedError


@MODELS.register_module()
class ChannelDropout(Perturb):
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

    def functions(self, views: int) -> list[Perturbation]:
        """The same function for each view; each call draws other channels."""
        return [self] * views

    def forward(self, feats: Sequence[Tensor]) -> list[Tensor]:
        """Drop channels of maps, each (N, D_i, H_i, W_i)."""
        return [F.dropout2d(feat, self.probability, self.training) for feat in feats]


@MODELS.register_module()
class ComplementaryDropout(Perturb):
    """Gives each channel to one of two views, scaled by two (UniMatch V2).

    Yang et al., TPAMI 2025, https://arxiv.org/abs/2410.10777, section 3.3. All maps
    with the same number of channels share the draw. Some images stay as they are in
    both views.

    Args:
        untouched: Share of the images that stay, in 0..1, rounded down, so
            that a single image never does.

    Raises:
        ValueError: If it is out of its range.
    """

    def __init__(self, untouched: float = 0.5) -> None:
        super().__init__()
        if not 0 <= untouched <= 1:
            raise ValueError(
                f"ComplementaryDropout: untouched={untouched}; allowed: 0 to 1"
            )
        self.untouched = untouched
        self._told = False

    def functions(self, views: int) -> list[Perturbation]:
        """Two functions whose factors of a channel add up to 2."""
        if views != 2:
            raise ValueError(
                f"ComplementaryDropout divides channels between two views, not {views}"
            )
        drawn: dict[object, Tensor] = {}
        return [
            lambda feats: [feat * self._factors(feat, drawn) for feat in feats],
            lambda feats: [feat * (2 - self._factors(feat, drawn)) for feat in feats],
        ]

    def _factors(self, feat: Tensor, drawn: dict[object, Tensor]) -> Tensor:
        """Factors of the first view's channels, (N, D, 1, 1): 0, 2, or 1."""
        count, channels = feat.shape[:2]
        if "kept" not in drawn:
            if self.untouched and int(self.untouched * count) == 0 and not self._told:
                self._told = True
                warn(
                    f"ComplementaryDropout leaves no image as it is: untouched="
                    f"{self.untouched} of {count} unlabelled image(s) a step is none; "
                    "the method needs a larger batch"
                )
            order = torch.randperm(count, device=feat.device)
            drawn["kept"] = (order < int(self.untouched * count)).view(-1, 1, 1, 1)
        if channels not in drawn:
            shape = (count, channels, 1, 1)
            drawn[channels] = 2 * (torch.rand(shape, device=feat.device) < 0.5).float()
        factors = torch.where(drawn["kept"], 1.0, drawn[channels])
        return factors.to(feat.dtype)
