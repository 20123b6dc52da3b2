"""Label sources for images without masks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

import torch
import torch.nn as nn
from mmseg.registry import MODELS
from torch import Tensor

from ..network_names import TEACHER
from ..step.seg_output import SegOutput
from ..step.step import Step
from ..step.view import View


class Prediction(Protocol):
    """Labels and probabilities of images, of one network or several."""

    @property
    def labels(self) -> Tensor:
        """Most probable class, (N, H, W), int64."""

    @property
    def probs(self) -> Tensor:
        """Class probabilities, (N, C, H, W), float, in 0..1."""


class Judgement:
    """Labels and their confidence at the pixels of a view.

    It has no gradients. Labels of another view of the same images are warped by the
    geometry of both.

    Args:
        output: The prediction of ``seen``.
        seen: The view that the network has seen.
        target: The view whose pixels are labelled.
        pixels: Which of them are valid, see :attr:`valid`: 'valid' or 'all'.
    """

    def __init__(
        self,
        output: Prediction,
        seen: View,
        target: View,
        pixels: str = "valid",
    ) -> None:
        self._output = output
        self._seen = seen
        self._target = target
        self._pixels = pixels

    @property
    def seen(self) -> View:
        """The view that the network has seen."""
        return self._seen

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
        """Most probable class, (N, H, W), int64; the ignored label outside ``seen``."""
        return self._labels_and_inside[0]

    @cached_property
    def valid(self) -> Tensor:
        """Pixels of ``target`` that count, (N, H, W), bool.

        With ``pixels='valid'``, the valid pixels that both views show. With 'all',
        those with ignored labels and padding count, too: all but those that ``seen``
        does not show, and padding over what ``seen`` shows.
        """
        labels, inside = self._labels_and_inside
        if self._pixels == "all":
            return self._shown(labels, inside)
        if inside is None:
            return self._target.valid
        seen, _ = self._target.warp_from(self._seen, self._seen.valid.long(), "nearest")
        return self._target.valid & inside & seen.bool()

    def _shown(self, labels: Tensor, inside: Tensor | None) -> Tensor:
        if inside is None:
            return torch.ones_like(labels, dtype=torch.bool)
        # A warp may move a part of the image out of its frame, where padding begins.
        image, _ = self._target.warp_from(
            self._seen, self._seen.unpadded.long(), "nearest"
        )
        return inside & (self._target.unpadded | ~image.bool())

    @cached_property
    def probs(self) -> Tensor:
        """Class probabilities, (N, C, H, W), float, in 0..1; 0 outside of ``seen``."""
        with torch.no_grad():
            probs = self._output.probs.detach()
            return self._target.warp_from(self._seen, probs)[0]

    @cached_property
    def confidence(self) -> Tensor:
        """Highest class probability, (N, H, W), float, in 0..1."""
        return self.measure(lambda probs: probs.amax(dim=1))

    @torch.no_grad()
    def measure(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Compute a figure of each pixel in ``seen``, and warp it to ``target``.

        Args:
            function: Function of probabilities (N, C, H, W), in 0..1; returns (N, H,
                W), float.

        Returns:
            (N, H, W), float; 0 outside of ``seen``.
        """
        values = function(self._output.probs).unsqueeze(1)
        return self._target.warp_from(self._seen, values)[0].squeeze(1)


class LabelSource(nn.Module):
    """Base of the label sources."""

    networks: tuple[str, ...] = ()

    def forward(self, step: Step, view: View) -> Prediction:
        """Outputs on a view, with labels and probabilities."""
        raise NotImplementedError

    def ready(self, step: Step) -> bool:
        """Whether there is a network to give labels."""
        return all(step.has_network(name) for name in self.networks)

    def judge(
        self, step: Step, seen: View, target: View, pixels: str = "valid"
    ) -> Judgement:
        """The judgement of ``seen`` at the pixels of ``target``, made once a step.

        Args:
            step: The step.
            seen: The view that the networks see.
            target: The view whose pixels are labelled.
            pixels: Which pixels are valid, see :attr:`Judgement.valid`.
        """
        key = (repr(self), seen.name, target.name, pixels)
        return step.once(key, lambda: Judgement(self(step, seen), seen, target, pixels))


@MODELS.register_module()
class NetworkLabels(LabelSource):
    """One network gives the labels.

    Args:
        network: 'student', 'teacher', or the name of a further network.
        evaluation: Whether it runs in evaluation mode. A teacher always does; a student
            otherwise has dropout and statistics of the batch.
        gradients: Whether its pass records gradients, for a view that it learns from,
            too.
    """

    def __init__(
        self, network: str = TEACHER, evaluation: bool = False, gradients: bool = True
    ) -> None:
        super().__init__()
        self.network = network
        self.evaluation = evaluation
        self.gradients = gradients
        self.networks = (network,)

    def forward(self, step: Step, view: View) -> SegOutput:
        """The network's outputs on a view."""
        return step.output(self.network, view, self.evaluation, self.gradients)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return (
            f"network={self.network!r}, evaluation={self.evaluation}, "
            f"gradients={self.gradients}"
        )


def build_source(cfg: Any) -> LabelSource:
    """Build a label source from its config, or from the name of a network."""
    return NetworkLabels(cfg) if isinstance(cfg, str) else MODELS.build(cfg)
