"""Finds a segmentor's prediction among its outputs, and its probabilities."""

from __future__ import annotations

import inspect
from collections.abc import Hashable
from dataclasses import dataclass

import torch.nn as nn
import torch.nn.functional as F
from mmseg.models.decode_heads.cascade_decode_head import BaseCascadeDecodeHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import DiceLoss
from mmseg.models.segmentors import (
    CascadeEncoderDecoder,
    EncoderDecoder,
)
from torch import Tensor

from .decode_heads import LISTED, last_head, maps_of
from .map_search import find_maps


@dataclass(frozen=True)
class Prediction:
    """Position of the logits in the output of the last decode head, and their kind.

    Args:
        training: Index or key of the predicted map in training mode; None if the head
            returns a single map.
        evaluation: The same in evaluation mode.
        sigmoid: Whether the head is trained with one sigmoid for each class.
    """

    training: Hashable = None
    evaluation: Hashable = None
    sigmoid: bool = False

    def select(self, head: nn.Module, output: object) -> Tensor:
        """The predicted logits at the head's own stride, (N, C, h, w), float.

        Args:
            head: The last decode head.
            output: The output of its forward pass, in its present mode.

        Raises:
            ValueError: If there are no such logits.
        """
        key = self.training if head.training else self.evaluation
        logits = maps_of(output).get(key)
        if not isinstance(logits, Tensor) or logits.ndim != 4:
            raise ValueError(
                f"{type(head).__name__} does not give logits (N, C, H, W); training "
                f"with unlabelled images needs a head that classifies pixels; {LISTED}"
            )
        return logits

    def class_logits(self, logits: Tensor) -> Tensor:
        """Values whose softmax over the classes gives the probabilities.

        For a head that is trained with sigmoids, ``log sigmoid(logits)``, whose softmax
        is the sigmoids divided by their sum; else the logits themselves.

        Args:
            logits: Logits of the network, of any shape, float.

        Returns:
            Float, of the same shape.
        """
        return F.logsigmoid(logits) if self.sigmoid else logits


def check_segmentor(segmentor: EncoderDecoder) -> None:
    """Raise ValueError for a segmentor whose prediction cannot be found in training.

    Args:
        segmentor: A built segmentor. The result is cached in it, and in its copies.

    Raises:
        ValueError: If it has one class or one channel for two, or if none or several
            of its head's outputs equal ``encode_decode``.
    """
    head = last_head(segmentor)
    if head.num_classes == 1:
        raise ValueError(
            "decode_head.num_classes=1: the probability of a single class is 1 "
            "everywhere; set num_classes=2 and out_channels=2, background and object"
        )
    if head.out_channels != head.num_classes:
        raise ValueError(
            f"decode_head.out_channels={head.out_channels} for num_classes="
            f"{head.num_classes}: one output for two classes has no softmax; set "
            "out_channels=2"
        )
    prediction_of(segmentor)


def prediction_of(segmentor: EncoderDecoder) -> Prediction:
    """Find the position of a segmentor's prediction; the network caches it.

    Heads with mmseg's own ``predict`` and ``loss`` return one map. For others, the map
    that equals ``encode_decode`` is searched on a copy and random images, which changes
    neither the segmentor nor a global random generator.

    Args:
        segmentor: An ``EncoderDecoder`` or ``CascadeEncoderDecoder``, in any mode.

    Raises:
        ValueError: If none or several of the head's outputs equal ``encode_decode``.
    """
    known = segmentor.__dict__.get("_prediction")
    if known is None:
        sigmoid = trained_with_sigmoid(segmentor)
        if _gives_one_map(segmentor):
            known = Prediction(sigmoid=sigmoid)
        else:
            known = Prediction(*find_maps(segmentor), sigmoid=sigmoid)
        segmentor._prediction = known
    return known


def trained_with_sigmoid(segmentor: EncoderDecoder) -> bool:
    """Whether the last head's losses use a sigmoid for each class, not a softmax.

    ``use_sigmoid`` of the losses decides; a loss without such an argument uses a
    softmax, and one softmax among several losses decides. Dice loss, whose default is a
    sigmoid, counts only if it is the only loss.
    """
    losses = [
        loss
        for module in last_head(segmentor).modules()
        if isinstance(decoder := getattr(module, "loss_decode", None), nn.Module)
        for loss in (decoder if isinstance(decoder, nn.ModuleList) else [decoder])
    ]
    deciding = [loss for loss in losses if not isinstance(loss, DiceLoss)] or losses
    return bool(deciding) and all(
        getattr(loss, "use_sigmoid", False) for loss in deciding
    )


def probabilities(segmentor: EncoderDecoder, logits: Tensor, dim: int = 1) -> Tensor:
    """Probabilities of the classes, in 0..1, with the sum 1.

    Args:
        segmentor: A segmentor with one channel for each class, at least two.
        logits: Its logits, float, with the classes in dimension ``dim``.
        dim: The dimension of the classes.

    Returns:
        Probabilities of the shape and dtype of ``logits``.
    """
    reading = Prediction(sigmoid=trained_with_sigmoid(segmentor))
    return reading.class_logits(logits).softmax(dim=dim)


def _gives_one_map(segmentor: EncoderDecoder) -> bool:
    """Whether mmseg's own code implies that the last head returns one map."""
    own = (EncoderDecoder.encode_decode, CascadeEncoderDecoder.encode_decode)
    if type(segmentor).encode_decode not in own:
        return False
    head = type(last_head(segmentor))
    if not issubclass(head, BaseDecodeHead):
        return False
    cascade = issubclass(head, BaseCascadeDecodeHead)
    base = BaseCascadeDecodeHead if cascade else BaseDecodeHead
    methods = ("predict", "predict_by_feat", "loss", "loss_by_feat")
    if any(getattr(head, name) is not getattr(base, name) for name in methods):
        return False
    return not any(_reads_mode(each) for each in head.__mro__)


def _reads_mode(cls: type) -> bool:
    forward = inspect.unwrap(cls.__dict__.get("forward", _reads_mode))
    code = getattr(forward, "__code__", None)
    return cls is not nn.Module and code is not None and "training" in code.co_names
