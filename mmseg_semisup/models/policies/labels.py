"""Who says which classes an image without a mask shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, reduce
from typing import Any

import torch
import torch.nn as nn
from mmseg.registry import MODELS
from torch import Tensor

from ..network_names import TEACHER
from ..step.seg_output import SegOutput
from ..step.step import Step
from ..step.view import View


class Judgement:
    """Labels, and how sure they are, at the pixels of a view.

    Nothing in it carries gradients. What was seen in another view of the same images is
    carried through the geometry of both.

    Args:
        output: Full logits and probabilities on ``seen``.
        seen: The view that was judged.
        target: The view whose pixels are labelled.
    """

    def __init__(
        self, output: SegOutput | MeanOutput, seen: View, target: View
    ) -> None:
        self._output = output
        self._seen = seen
        self._target = target

    @cached_property
    def _labels_and_inside(self) -> tuple[Tensor, Tensor | None]:
        labels = self._output.labels
        expected = (len(self._seen), *self._seen.size)
        if tuple(labels.shape) != expected or labels.dtype != torch.int64:
            raise ValueError(
                f"labels_from gave labels {tuple(labels.shape)} of {labels.dtype} for "
                f"the view {self._seen.name!r}; they must be {expected} of torch.int64"
            )
        return self._target.warp_from(
            self._seen, labels, "nearest", self._target.ignore_index
        )

    @property
    def labels(self) -> Tensor:
        """Most probable class, (N, H, W), int64; ignored outside of ``seen``."""
        return self._labels_and_inside[0]

    @cached_property
    def valid(self) -> Tensor:
        """Pixels that both views show and that count, (N, H, W), bool."""
        inside = self._labels_and_inside[1]
        if inside is None:
            return self._target.valid
        seen, _ = self._target.warp_from(self._seen, self._seen.valid.long(), "nearest")
        return self._target.valid & inside & seen.bool()

    @cached_property
    def confidence(self) -> Tensor:
        """Highest class probability, (N, H, W), float, in 0..1."""
        return self.measure(lambda probs: probs.amax(dim=1))

    @torch.no_grad()
    def measure(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """A figure of each pixel, computed where it was seen, then carried over.

        Args:
            function: Probabilities (N, C, H, W), in 0..1, to (N, H, W), float.

        Returns:
            (N, H, W), float; 0 outside of ``seen``.
        """
        values = function(self._output.probs).unsqueeze(1)
        return self._target.warp_from(self._seen, values)[0].squeeze(1)


class LabelSource(nn.Module):
    """Judges the images of a view."""

    networks: tuple[str, ...] = ()

    def forward(self, step: Step, view: View) -> SegOutput | MeanOutput:
        """Outputs on a view, of which labels and probabilities are read."""
        raise NotImplementedError

    def judge(self, step: Step, seen: View, target: View) -> Judgement:
        """The judgement of ``seen`` at the pixels of ``target``; once a step."""
        key = (repr(self), seen.name, target.name)
        return step.once(key, lambda: Judgement(self(step, seen), seen, target))


@MODELS.register_module()
class NetworkLabels(LabelSource):
    """One network judges.

    Args:
        network: 'student', 'teacher', or the name of a further network.
        evaluation: Whether it does so in evaluation mode. A teacher always does; a
            student would otherwise judge with dropout and statistics of the batch.
    """

    def __init__(self, network: str = TEACHER, evaluation: bool = False) -> None:
        super().__init__()
        self.network = network
        self.evaluation = evaluation
        self.networks = (network,)

    def forward(self, step: Step, view: View) -> SegOutput:
        """The network's outputs on a view."""
        return step.output(self.network, view, self.evaluation)

    def extra_repr(self) -> str:
        """Tell sources apart."""
        return f"network={self.network!r}, evaluation={self.evaluation}"


class MeanOutput:
    """The mean of several networks' logits on the same images.

    Args:
        outputs: Of each network.
        weights: One weight a network; they sum to 1.
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
    """Several networks judge together, by the mean of their logits.

    Args:
        networks: Their names.
        weights: One a network, not negative; None: equal ones.
        evaluation: As :class:`NetworkLabels`'s.

    Raises:
        ValueError: If numbers and weights do not fit.
    """

    def __init__(
        self,
        networks: Sequence[str],
        weights: Sequence[float] | None = None,
        evaluation: bool = False,
    ) -> None:
        super().__init__()
        weights = [1.0] * len(networks) if weights is None else list(weights)
        if not networks or len(weights) != len(networks) or min(weights) < 0:
            raise ValueError(
                f"Ensemble: networks={list(networks)}, weights={weights}; allowed: one "
                "weight, not negative, for each of at least one network"
            )
        self.networks = tuple(networks)
        self.weights = [weight / sum(weights) for weight in weights]
        self.evaluation = evaluation

    def forward(self, step: Step, view: View) -> MeanOutput:
        """The mean of the networks' outputs on a view."""
        outputs = [step.output(n, view, self.evaluation) for n in self.networks]
        return MeanOutput(outputs, self.weights)

    def extra_repr(self) -> str:
        """Tell sources apart."""
        return f"{self.networks}, {self.weights}, evaluation={self.evaluation}"


def build_source(cfg: Any) -> LabelSource:
    """A label source from its config, or from the name of a network."""
    return NetworkLabels(cfg) if isinstance(cfg, str) else MODELS.build(cfg)
