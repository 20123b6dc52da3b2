"""Labels of several networks together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, reduce

import numpy as np
import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..step.seg_output import SegOutput
from ..step.step import Step
from ..step.view import View
from .labels import LabelSource

DIRICHLET = "dirichlet"


class MeanOutput:
    """The mean of several networks' logits on the same images.

    Args:
        outputs: Outputs of each network.
        weights: Weight of each network; their sum is 1.
    """

    def __init__(self, outputs: Sequence[SegOutput], weights: Sequence[float]) -> None:
        self._outputs = outputs
        self._weights = weights

    @cached_property
    def class_logits(self) -> Tensor:
        """(N, C, H, W), float, without gradient."""
        with torch.no_grad():
            pairs = zip(self._weights, self._outputs, strict=True)
            return reduce(torch.add, (w * o.class_logits.detach() for w, o in pairs))

    @cached_property
    def probs(self) -> Tensor:
        """Softmax of :attr:`class_logits`, (N, C, H, W), in 0..1."""
        return self.class_logits.softmax(dim=1)

    @cached_property
    def labels(self) -> Tensor:
        """Most probable class, (N, H, W), int64."""
        return self.class_logits.max(dim=1).indices


@MODELS.register_module()
class Ensemble(LabelSource):
    """Several networks give the labels, by the mean of their logits.

    Snapshots that have not been taken yet are left out. With ``members``, each step
    draws some of the networks (PrevMatch, Shin et al., WACV 2026,
    https://arxiv.org/abs/2405.20610). What is drawn depends on ``seed`` and on the
    iteration alone: it is the same for all views of a step, in all processes, and after
    a resume.

    Args:
        networks: Names of the networks.
        weights: Weight of each network, not negative; None: equal weights; 'dirichlet':
            drawn in each step, uniformly among all weights whose sum is 1.
        evaluation: As in :class:`NetworkLabels`.
        members: Least and greatest number of networks that a step draws, uniformly, as
            far as there are as many; None: all of them.
        seed: Seed of the draws.

    Raises:
        ValueError: If the networks and the weights do not fit, or there are fewer
            networks than members.
    """

    def __init__(
        self,
        networks: Sequence[str],
        weights: Sequence[float] | str | None = None,
        evaluation: bool = False,
        members: tuple[int, int] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.networks = tuple(networks)
        self.drawn = weights == DIRICHLET
        stated = None if isinstance(weights, str) else weights
        each = [1.0] * len(networks) if stated is None else list(stated)
        known = self.drawn or not isinstance(weights, str)
        fits = len(each) == len(set(networks)) > 0 and min(each) >= 0 < sum(each)
        if not known or not fits:
            raise ValueError(
                f"Ensemble: networks={list(networks)}, weights={weights!r}; allowed: "
                "one weight, not negative, for each of at least one network, not all "
                f"of them 0; None, or {DIRICHLET!r}"
            )
        if members is not None and not 1 <= members[0] <= members[1] <= len(networks):
            raise ValueError(
                f"Ensemble: members={tuple(members)} of {len(networks)} networks; "
                "allowed: 1 <= least <= greatest <= number of networks"
            )
        self.weights = dict(zip(networks, each, strict=True))
        self.evaluation = evaluation
        self.members = None if members is None else tuple(members)
        self.seed = seed

    def ready(self, step: Step) -> bool:
        """Whether any of the networks is there."""
        return any(step.has_network(name) for name in self.networks)

    def forward(self, step: Step, view: View) -> MeanOutput:
        """The mean of the networks' outputs on a view."""
        weights = self.draw(step)
        outputs = [step.output(n, view, self.evaluation) for n in weights]
        return MeanOutput(outputs, list(weights.values()))

    def draw(self, step: Step) -> dict[str, float]:
        """The networks of a step, each with its weight; the sum of these is 1.

        Args:
            step: The step. If none of the networks is there, all are taken, and the
                step names the first one that is missing.
        """
        there = [n for n in self.networks if step.has_network(n)] or self.networks
        random = np.random.default_rng([self.seed, step.iteration])
        if self.members is not None:
            count = int(random.integers(self.members[0], self.members[1] + 1))
            chosen = random.permutation(len(there))[:count]
            there = [there[index] for index in sorted(chosen.tolist())]
        if self.drawn:
            weights = random.dirichlet(np.ones(len(there))).tolist()
        else:
            weights = [self.weights[name] for name in there]
        total = sum(weights)
        if total == 0:
            return dict.fromkeys(there, 1 / len(there))
        return {n: w / total for n, w in zip(there, weights, strict=True)}

    def extra_repr(self) -> str:
        """Show the arguments."""
        weights = DIRICHLET if self.drawn else self.weights
        return (
            f"{self.networks}, {weights}, evaluation={self.evaluation}, "
            f"members={self.members}, seed={self.seed}"
        )
