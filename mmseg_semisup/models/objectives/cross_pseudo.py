"""Cross pseudo supervision: two networks learn each other's labels.

Chen et al., Semi-supervised semantic segmentation with cross pseudo supervision, CVPR
2021, https://arxiv.org/abs/2106.01226, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from ..network_names import STUDENT
from ..policies.labels import NetworkLabels
from ..policies.mix import build_mix
from ..policies.mixing import Target
from ..policies.pixel_loss import LabelCrossEntropy
from ..step.step import Step
from ..step.view import View
from ..training_facts import check_time
from .base import Objective
from .consistency import PIXELS


@MODELS.register_module()
class CrossPseudoObjective(Objective):
    """Trains each of two networks with the labels of the other one (Eqs. 2 and 3).

    Both see the same images, and every pixel is learnt, whatever its confidence. The
    loss of a network is the cross-entropy of the other's most probable classes.

    Args:
        weight: lambda.
        networks: Names of the networks, which both learn (``Peer``).
        branch: Unlabelled images.
        plain_branches: Further views that both networks see without mixing; their
            pixels are part of the mean.
        mix: Config of a mixing policy, or 'none'. The networks then judge the images
            before they are mixed, and both learn the same mixed images.
        partner: View whose images are pasted; None: those of ``branch``.
        pixels: The pixels over which the loss is averaged: 'valid', or 'all', with
            padding and ignored labels, as in the authors' code.
        start: Time from which on the loss counts.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        weight: float = 1.5,
        networks: Sequence[str] = (STUDENT, "second"),
        branch: str = "unlabeled",
        plain_branches: Sequence[str] = (),
        mix: str | dict[str, Any] | None = None,
        partner: str | None = None,
        pixels: str = "valid",
        start: float = 0,
    ) -> None:
        super().__init__()
        check_time("CrossPseudoObjective.start", start)
        if len(networks) != 2 or networks[0] == networks[1]:
            raise ValueError(
                f"CrossPseudoObjective: networks={list(networks)}; allowed: two, of "
                "different names"
            )
        if pixels not in PIXELS:
            raise ValueError(
                f"CrossPseudoObjective: pixels={pixels!r}; allowed: {PIXELS}"
            )
        if partner is not None and mix in (None, "none"):
            raise ValueError(
                f"CrossPseudoObjective: partner={partner!r} without mix; set "
                "mix=dict(type='CutMix', pairing='same'), or leave it out"
            )
        self.weight = weight
        self.networks = tuple(networks)
        # A network that learns a view has run on it with gradients by then.
        self.labels_from = {n: NetworkLabels(n, gradients=False) for n in networks}
        self.branch = branch
        self.plain_branches = tuple(plain_branches)
        self.mix = build_mix(mix)
        self.partner = partner
        self.pixels = pixels
        self.criterion = LabelCrossEntropy()
        self.start = start

    @property
    def reads(self) -> Sequence[str]:
        """The unlabelled views, and those that are not mixed."""
        partner = () if self.partner is None else (self.partner,)
        return (self.branch, *partner, *self.plain_branches)

    @property
    def mixes(self) -> Sequence[str]:
        """The unlabelled view, if its images are mixed with each other."""
        pairs = self.mix is not None and self.mix.pairs and self.partner is None
        return (self.branch,) if pairs else ()

    @property
    def needs(self) -> Sequence[str]:
        """Both networks."""
        return self.networks

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The losses of both networks, and the share of pixels in which they agree."""
        if step.before(self.start):
            return {}
        views = [step[self.branch], *(step[name] for name in self.plain_branches)]
        learnt = views if self.mix is None else views[1:]
        for network in self.networks:
            self.outputs(step, *learnt, network=network)
        targets = {n: [self.judge(step, n, v) for v in views] for n in self.networks}
        first, second = (targets[n][0] for n in self.networks)
        agreed = (first.labels == second.labels) & first.valid
        if self.mix is not None:
            mixed = self.mixed(step, first, second)
            for network, target in zip(self.networks, mixed, strict=True):
                targets[network][0] = target
        result = {}
        for network, other in zip(self.networks, self.networks[::-1], strict=True):
            seen = [target.view for target in targets[other]]
            logits = [
                o.class_logits for o in self.outputs(step, *seen, network=network)
            ]
            loss = self.criterion(logits, targets[other], self.weight)
            result[f"loss_{network}"] = loss
        share = agreed.sum() / first.valid.sum().clamp(min=1)
        return {**result, "agreement": share}

    def judge(self, step: Step, network: str, view: View) -> Target:
        """Labels of a network for a view that it sees."""
        source = self.labels_from[network]
        judgement = source.judge(step, view, view, self.pixels)
        return Target(view, judgement.labels, judgement.valid, judgement.valid)

    def mixed(self, step: Step, first: Target, second: Target) -> list[Target]:
        """Both networks' labels of the same mixed images, which become a view."""
        if self.mix is None:
            return [first, second]
        mixing = self.mix.mixing(first, step)
        parts = []
        for own, network in zip((first, second), self.networks, strict=True):
            other = own
            if self.partner is not None:
                other = self.judge(step, network, step[self.partner])
            parts.append(mixing.mixed(own.parts, other.parts))
        images, valid, name = parts[0].images, parts[0].valid, f"{self.name}.mixed"
        view = View(name, images, ignore_index=step.ignore_index, valid=valid)
        step.add_view(view)
        return [
            Target(view, part.labels, mixing.learnable(part.weights), part.valid)
            for part in parts
        ]
