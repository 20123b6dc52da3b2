"""The base class of all objectives."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from mmengine.model import BaseModule
from torch import Tensor

from ..network_names import STUDENT
from ..step.seg_output import SegOutput
from ..step.step import Step
from ..step.view import View


class Objective(BaseModule):
    """One training signal: computes losses of a :class:`Step`.

    A subclass implements :meth:`forward`; its networks, e.g. a discriminator, are its
    submodules. Entries of the result whose name contains ``loss`` are summed and
    minimised; the others are only logged. The log prefixes them with the objective's
    name: ``consistency.loss``.

    Attributes:
        takes: Key of the config to the fact of the segmentor that is its value, see
            :func:`~mmseg_semisup.models.step.facts.hand_down`.
        may_exceed: Those keys of ``takes`` whose value may be greater than the fact.
        name: Name under which the model holds the objective.
        joint: Names of views that share one pass through the student with the views of
            :meth:`outputs`; empty: each view has its own pass.
        teaches: Whether it keeps a lesson
            (:class:`~mmseg_semisup.models.policies.Lesson`) for later objectives.
    """

    takes: ClassVar[Mapping[str, str]] = {}
    may_exceed: ClassVar[Sequence[str]] = ()
    teaches: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.name = default_name(type(self))
        self.joint: tuple[str, ...] = ()

    @property
    def reads(self) -> Sequence[str]:
        """Names of the views of the batch that the objective reads."""
        return ()

    @property
    def seen(self) -> Sequence[str]:
        """Names of those of them that networks see, changed or not."""
        return self.reads

    @property
    def needs(self) -> Sequence[str]:
        """Names of the networks, besides the student, that the objective uses."""
        return ()

    @property
    def joins(self) -> Sequence[str]:
        """Names of the views that share a pass of the student with other views."""
        return self.joint

    @property
    def mixes(self) -> Sequence[str]:
        """Names of the views whose images are mixed with each other."""
        return ()

    @property
    def follows(self) -> Sequence[str]:
        """Names of the earlier objectives whose lessons it uses."""
        return ()

    def weight_in(self, step: Step) -> float | None:
        """Weight of its losses in a step, 0 if it has none; None: there is no such."""
        return None

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Losses and figures of this step, each a scalar tensor."""
        raise NotImplementedError

    def outputs(
        self, step: Step, *views: View, network: str = STUDENT
    ) -> list[SegOutput]:
        """Outputs of a network on views, in one pass with those of ``joint``."""
        if not self.joint:
            return [step.output(network, view) for view in views]
        own = {*self.seen, *(view.name for view in views)}
        others = [step[name] for name in self.joint if name not in own]
        return step.output(network, [*others, *views])[len(others) :]

    def publish(self, step: Step, name: str, make: Callable[[], Tensor]) -> None:
        """Publish a map as ``<name of the objective>.<name>`` for later objectives."""
        step.publish(f"{self.name}.{name}", make)

    def maps(self, probs: Tensor) -> dict[str, Tensor]:
        """Maps of the signal for given predictions, outside of training.

        Args:
            probs: (N, C, H, W), class probabilities.

        Returns:
            Name to (N, 1, H, W), in 0..1.
        """
        return {}

    def follow(self, momentum: float) -> None:
        """Move averages of the objective's own networks, as the teacher has moved.

        Args:
            momentum: Share of the old average, in 0..1.
        """

    def zero_loss(self) -> Tensor:
        """Zero that depends on every parameter of this objective.

        With several processes, the others would wait for the gradient of a parameter
        that is not used in a step.
        """
        sums = [p.sum() for p in self.parameters() if p.requires_grad]
        return 0.0 * torch.stack(sums).sum() if sums else torch.zeros(())


def default_name(cls: type) -> str:
    """Name of an objective whose config gives none: the type in snake case.

    >>> default_name(type("SelfTaughtObjective", (), {}))
    'self_taught'
    """
    words = re.findall("[A-Z][a-z0-9]*", cls.__name__.removesuffix("Objective"))
    return "_".join(words).lower() or cls.__name__.lower()
