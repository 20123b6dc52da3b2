"""Runs a network over several views in one pass, and decodes perturbed features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
import torch.nn as nn
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor

from ..frozen_backbone import frozen_backbone
from .seg_output import SegOutput
from .view import View

Perturb = Callable[[tuple[Tensor, ...]], Sequence[Tensor]]


class PartialOutput(SegOutput):
    """The rows of one view in the outputs of a joint pass.

    Args:
        whole: Outputs on the images of all views.
        rows: The rows of this view.
    """

    def __init__(self, whole: SegOutput, rows: slice) -> None:
        super().__init__(whole._network, whole._images[rows], whole._grad)
        self._whole = whole
        self._rows = rows

    @property
    def backbone_feats(self) -> tuple[Tensor, ...]:
        """The backbone's outputs, each (N, D_i, H_i, W_i)."""
        return _take_rows(self._whole.backbone_feats, self._rows)

    @property
    def feats(self) -> tuple[Tensor, ...]:
        """Features of backbone (and neck), each (N, D_i, H_i, W_i)."""
        return _take_rows(self._whole.feats, self._rows)

    @property
    def head_outputs(self) -> list[Any]:
        """Output of each decode head, for these rows."""
        return _take_rows(self._whole.head_outputs, self._rows)

    @property
    def has_logits(self) -> bool:
        """Whether the pass has gone through the decode heads."""
        return self._whole.has_logits

    @property
    def embedding(self) -> Tensor:
        """Input of the last head's ``conv_seg``, (N, D, h, w), float."""
        return self._whole.embedding[self._rows]


class RedecodedOutput(SegOutput):
    """Outputs of neck and heads for given outputs of the backbone.

    Args:
        network: An mmseg segmentor.
        images: (N, 3, H, W); the full logits have their size.
        backbone_feats: Outputs of the backbone, each (N, D_i, H_i, W_i).
        grad: Whether to record gradients.
    """

    def __init__(
        self,
        network: nn.Module,
        images: Tensor,
        backbone_feats: tuple[Tensor, ...],
        grad: bool,
    ) -> None:
        super().__init__(network, images, grad)
        # Overrides the cached property, so that the backbone is not run again.
        self.__dict__["backbone_feats"] = backbone_feats


class FrozenFeatures:
    """Maps of frozen backbones, computed once for each view and all networks."""

    def __init__(self) -> None:
        self._maps: dict[tuple[int, str], tuple[Tensor, ...]] = {}

    def of(self, backbone: nn.Module, views: Sequence[View]) -> tuple[Tensor, ...]:
        """Maps of the images of views, in one batch, each (N, D_i, H_i, W_i).

        Args:
            backbone: A frozen backbone.
            views: Views of one size.
        """
        missing = [v for v in views if (id(backbone), v.name) not in self._maps]
        if missing:
            with torch.no_grad():
                maps = tuple(backbone(_images(missing)))
            for view, rows in zip(missing, _rows(map(len, missing)), strict=True):
                self._maps[id(backbone), view.name] = _take_rows(maps, rows)
        found = [self._maps[id(backbone), view.name] for view in views]
        if len(found) == 1:
            return found[0]
        return tuple(torch.cat(level) for level in zip(*found, strict=True))


class FrozenOutput(SegOutput):
    """Outputs of a network whose frozen backbone other networks share.

    Args:
        network: An mmseg segmentor.
        views: Views of one size, which pass through neck and heads in one batch.
        grad: Whether to record gradients.
        features: Maps of the step.
    """

    def __init__(
        self,
        network: nn.Module,
        views: Sequence[View],
        grad: bool,
        features: FrozenFeatures,
    ) -> None:
        super().__init__(network, _images(views), grad)
        self._views = views
        self._features = features

    @property
    def backbone_feats(self) -> tuple[Tensor, ...]:
        """The backbone's outputs, each (N, D_i, H_i, W_i)."""
        return self._features.of(self._network.backbone, self._views)


def run_jointly(
    network: nn.Module,
    views: Sequence[View],
    grad: bool,
    features: FrozenFeatures | None = None,
) -> list[SegOutput]:
    """Run one forward pass over several views; return an output for each.

    Batch normalisation sees their images as one batch.

    Args:
        network: An mmseg segmentor.
        views: Views of one size.
        grad: Whether to record gradients.
        features: Maps of frozen backbones in this step; None: a frozen backbone runs
            for each network.

    Raises:
        ValueError: If the sizes differ.
    """
    if len({view.size for view in views}) > 1:
        sizes = {view.name: view.size for view in views}
        raise ValueError(
            f"a joint pass needs views of one size, but they are {sizes}; give the "
            "pipelines the same crop size, or take a view out of `joint`"
        )
    if features is not None and _shares_backbone(network):
        whole: SegOutput = FrozenOutput(network, views, grad, features)
    else:
        whole = SegOutput(network, _images(views), grad)
    return _split(whole, [len(view) for view in views])


def decode_again(
    pairs: Sequence[tuple[SegOutput, Perturb | None]],
) -> list[SegOutput]:
    """Decode features of the backbone again, after a function has changed them.

    The backbone is not run again. All pairs pass through neck and heads in one batch,
    also for batch normalisation: ``[(output, None), (output, f)]`` decodes perturbed
    features beside the clean ones.

    Args:
        pairs: Outputs of one network, each with a function of the backbone's maps, each
            (N, D_i, H_i, W_i), that returns maps of the same shapes; None: no change.

    Returns:
        An output for each pair.

    Raises:
        ValueError: If the network's features are not lists of maps, its outputs are of
            several networks, or a function changes the shapes.
    """
    network = pairs[0][0]._network
    if any(output._network is not network for output, _ in pairs):
        raise ValueError("decode_again: the outputs are of several networks")
    if type(network).extract_feat is not EncoderDecoder.extract_feat:
        raise ValueError(
            f"{type(network).__name__} has an extract_feat of its own, so the "
            "backbone's features cannot be perturbed in front of the neck"
        )
    grad = any(output._grad for output, _ in pairs)
    with torch.set_grad_enabled(grad):
        changed = [_apply(function, output) for output, function in pairs]
        feats = changed[0]
        if len(pairs) > 1:
            feats = tuple(torch.cat(maps) for maps in zip(*changed, strict=True))
    images = [output._images for output, _ in pairs]
    joined = images[0] if len(images) == 1 else torch.cat(images)
    whole = RedecodedOutput(network, joined, feats, grad)
    return _split(whole, [len(batch) for batch in images])


def perturbed(output: SegOutput, function: Perturb) -> SegOutput:
    """:func:`decode_again` for one output."""
    return decode_again([(output, function)])[0]


def _apply(function: Perturb | None, output: SegOutput) -> tuple[Tensor, ...]:
    feats = output.backbone_feats
    if not isinstance(feats, (list, tuple)) or not all(
        isinstance(feat, Tensor) and feat.ndim == 4 for feat in feats
    ):
        raise ValueError(
            f"{type(output._network.backbone).__name__} does not return a list of "
            "maps (N, C, H, W); features cannot be perturbed"
        )
    if function is None:
        return tuple(feats)
    changed = tuple(function(tuple(feats)))
    before, after = [[tuple(x.shape) for x in maps] for maps in (feats, changed)]
    if before != after:
        name = getattr(function, "__name__", type(function).__name__)
        raise ValueError(
            f"{name} turned features of shapes {before} into {after}; they must stay"
        )
    return changed


def _split(whole: SegOutput, counts: Sequence[int]) -> list[SegOutput]:
    if len(counts) == 1:
        return [whole]
    return [PartialOutput(whole, rows) for rows in _rows(counts)]


def _rows(counts: Iterable[int]) -> list[slice]:
    """The rows of each view in the batch of a pass."""
    ends = list(accumulate(counts, initial=0))
    return [slice(start, end) for start, end in pairwise(ends)]


def _images(views: Sequence[View]) -> Tensor:
    images = [view.images for view in views]
    return images[0] if len(images) == 1 else torch.cat(images)


def _shares_backbone(network: nn.Module) -> bool:
    method: Any = getattr(type(network), "extract_feat", None)
    plain = method is EncoderDecoder.extract_feat
    return plain and frozen_backbone(network) is not None


def _take_rows(value: Any, rows: slice) -> Any:
    if isinstance(value, Tensor):
        return value[rows]
    if isinstance(value, (list, tuple)):
        return type(value)(_take_rows(item, rows) for item in value)
    raise ValueError(
        f"a network's output is a {type(value).__name__}; a joint pass can split "
        "tensors, lists and tuples"
    )
