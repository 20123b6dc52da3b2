"""The time that no implementation of a method can go below.

It is the bare forward and backward passes of the networks that the method needs, on the
shapes of the batch, each with the mean of its output as the loss. Augmentation, losses,
upsampling of logits, optimizers and the teacher's update are not in it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmseg_semisup.models.objectives import NetworkPass
from mmseg_semisup.models.segmentors.seg_output import SegOutput, decode_heads
from mmseg_semisup.models.segmentors.semi_segmentor import SemiSegmentor

from .timing import now

SUPERVISED = NetworkPass("student", "labeled", "weights")


class Floor:
    """The bare passes of a model's step.

    Args:
        model: In training mode, on its device.
        optim_wrapper: Its optimizers; they say in which precision to run.
        batch: A batch as the data loader gives it.
    """

    def __init__(
        self, model: SemiSegmentor, optim_wrapper: OptimWrapper, batch: dict
    ) -> None:
        self.model = model
        self.optim_wrapper = optim_wrapper
        images = model.data_preprocessor(batch, True)["inputs"]
        self.passes = needed_passes(model)
        self._runs = {
            name: _bare(model, item, images[item.branch])
            for name, item in _named(model, self.passes).items()
        }
        self.times: dict[str, list[float]] = {name: [] for name in self._runs}

    def __call__(self) -> None:
        """Run all passes once and note how long each took."""
        device = next(self.model.parameters()).device
        with self.optim_wrapper.optim_context(self.model):
            for name, run in self._runs.items():
                start = now(device)
                run()
                self.times[name].append(now(device) - start)
        for parameter in self.model.parameters():
            parameter.grad = None


def needed_passes(model: SemiSegmentor) -> list[NetworkPass]:
    """The passes of supervised training and of all objectives, none twice in vain.

    Args:
        model: The model.

    Returns:
        Student and teacher at most once a branch; other networks as often as named.
    """
    needed = [SUPERVISED]
    for objective in model.objectives:
        for item in objective.passes():
            if item not in needed or not isinstance(item.network, str):
                needed.append(item)
    return needed


def _named(model: SemiSegmentor, passes: list[NetworkPass]) -> dict[str, NetworkPass]:
    names = {id(module): name for name, module in model.named_modules()}
    named: dict[str, NetworkPass] = {}
    for item in passes:
        owner = item.network
        owner = owner if isinstance(owner, str) else names[id(owner)].split(".")[-1]
        name = f"{owner}, {item.branch}, {item.gradient}"
        while name in named:
            name += " (again)"
        named[name] = item
    return named


def _bare(
    model: SemiSegmentor, item: NetworkPass, images: Tensor
) -> Callable[[], None]:
    """A function that runs one pass."""
    if isinstance(item.network, str):
        network = _Segmentor(model.network(item.network), item == SUPERVISED)
        inputs = images
    elif item.channels is None:
        network = item.network
        inputs = _features(model, network, images)
    else:
        network = item.network
        size = (len(images), item.channels, *images.shape[-2:])
        inputs = images.new_full(size, 1 / item.channels)

    def run() -> None:
        if item.gradient == "none":
            with torch.no_grad():
                network(inputs)
        elif item.gradient == "inputs":
            maps = inputs.detach().requires_grad_()
            torch.autograd.grad(_trivial_loss(network(maps)), maps)
        else:
            _trivial_loss(network(inputs)).backward()

    return run


def _features(
    model: SemiSegmentor, network: nn.Module, images: Tensor
) -> tuple[Tensor, ...]:
    """What a network reads of the student's features, as leaves with gradients."""
    with torch.no_grad():
        features = network.features(SegOutput(model.segmentor, images, grad=False))
    return tuple(feature.detach().requires_grad_() for feature in features)


class _Segmentor:
    """Backbone, neck and heads of a segmentor, without losses."""

    def __init__(self, network: nn.Module, auxiliary: bool) -> None:
        self.network = network
        extra = getattr(network, "auxiliary_head", None) if auxiliary else None
        if extra is None:
            self.extra = []
        else:
            self.extra = list(extra) if isinstance(extra, nn.ModuleList) else [extra]

    def __call__(self, images: Tensor) -> list:
        feats = self.network.extract_feat(images)
        outputs: list = []
        for head in decode_heads(self.network):
            outputs.append(head.forward(feats, *outputs[-1:]))
        return [*outputs, *(head.forward(feats) for head in self.extra)]


def _trivial_loss(outputs: Tensor | list | tuple) -> Tensor:
    if isinstance(outputs, Tensor):
        return outputs.float().mean()
    return sum(_trivial_loss(output) for output in outputs)
