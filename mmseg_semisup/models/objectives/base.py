"""What every training signal from unlabelled images has in common."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn as nn
from mmengine.model import BaseModule
from torch import Tensor

from ..segmentors.step import Step


@dataclass(frozen=True)
class NetworkPass:
    """A pass through a network that a signal cannot do without, for benchmarks.

    Args:
        network: 'student', 'teacher', or a network of the objective's own.
        branch: Branch that it sees. Student and teacher see its images; other networks
            see maps of the same size, or the student's features.
        gradient: Of what the backward pass computes gradients: 'weights' (of features,
            too); 'inputs', when the network only passes them on; 'none' for a forward
            pass alone.
        channels: Of the maps; None for images and for features.
    """

    network: str | nn.Module
    branch: str
    gradient: str
    channels: int | None = None


class Objective(BaseModule):
    """One training signal: from a :class:`Step`, some losses.

    A subclass implements :meth:`forward`; its networks (a discriminator, a projector)
    are its submodules. Entries of the result whose name contains ``loss`` are summed
    up and trained; the others are only logged. Names begin with the branch.
    """

    needs_teacher: bool = False

    def check(self, segmentor: nn.Module) -> None:
        """Raise ValueError, before training, if this cannot work with the segmentor."""

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Losses and figures of this step, each a scalar tensor."""
        raise NotImplementedError

    def maps(self, probs: Tensor) -> dict[str, Tensor]:
        """Pictures of the signal for given predictions, outside of training.

        Args:
            probs: (N, C, H, W), class probabilities.

        Returns:
            Name to (N, 1, H, W), in 0..1.
        """
        return {}

    def passes(self) -> list[NetworkPass]:
        """The passes through networks that this signal cannot do without.

        ``tools/benchmark.py`` measures how much longer than these a step takes. A pass
        of student or teacher that several objectives name counts once.
        """
        raise NotImplementedError(f"{type(self).__name__} does not name its passes")

    def idle(self) -> Tensor:
        """Zero that depends on every parameter of this objective.

        With several processes, a parameter that takes no part in a step would keep
        the others waiting for its gradient.
        """
        sums = [p.sum() for p in self.parameters() if p.requires_grad]
        return 0.0 * torch.stack(sums).sum() if sums else torch.zeros(())
