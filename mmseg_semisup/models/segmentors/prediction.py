"""Which output of a segmentor is its prediction, and how its probabilities are read."""

from __future__ import annotations

import copy
import inspect
import random
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmseg.models.decode_heads.cascade_decode_head import BaseCascadeDecodeHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import DiceLoss
from mmseg.models.segmentors import (
    CascadeEncoderDecoder,
    DepthEstimator,
    EncoderDecoder,
)
from mmseg.models.utils import resize
from torch import Tensor

# LRASPPHead pools 49 x 49 cells of stride 8, and PIDNet needs multiples of 8.
TRIAL_SIZES = (64, 128, 256, 512)
TOLERANCE = 1e-4
LISTED = "docs/heads.md lists the heads that work"


@dataclass(frozen=True)
class Prediction:
    """Where the logits are in what the last decode head returns, and how to read them.

    Args:
        training: Index or key of the predicted map in training mode; None where the
            head returns nothing else.
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
            output: What its forward pass returned, in its present mode.

        Raises:
            ValueError: If there are no such logits.
        """
        key = self.training if head.training else self.evaluation
        logits = _maps(output).get(key)
        if not isinstance(logits, Tensor) or logits.ndim != 4:
            raise ValueError(
                f"{type(head).__name__} does not give logits (N, C, H, W); training "
                f"with unlabelled images needs a head that classifies pixels; {LISTED}"
            )
        return logits

    def class_logits(self, logits: Tensor) -> Tensor:
        """Values whose softmax over the classes gives the probabilities.

        For a head that is trained with sigmoids, ``log sigmoid(logits)``: its softmax
        is the sigmoids divided by their sum. Else the logits themselves.

        Args:
            logits: Of any shape, float, as the network predicts them.

        Returns:
            The same shape, float.
        """
        return F.logsigmoid(logits) if self.sigmoid else logits


def decode_heads(segmentor: nn.Module) -> list[nn.Module]:
    """The decode head, or the stages of a cascade in order."""
    head = segmentor.decode_head
    return list(head) if isinstance(head, nn.ModuleList) else [head]


def last_head(segmentor: nn.Module) -> nn.Module:
    """The decode head whose logits are the prediction."""
    return decode_heads(segmentor)[-1]


def run_heads(heads: Sequence[nn.Module], feats: Sequence[Tensor] | Tensor) -> list:
    """What each decode head returns, unchanged; a stage also reads the one before."""
    outputs: list = []
    for head in heads:
        outputs.append(head.forward(feats, *outputs[-1:]))
    return outputs


def check_segmentor(segmentor: nn.Module) -> None:
    """Refuse a segmentor whose prediction training with unlabelled images cannot read.

    Args:
        segmentor: A built segmentor. What is found is remembered, also by its copies.

    Raises:
        ValueError: If it does not classify pixels, has one class or one channel for
            two, or if none or several of its head's outputs equal ``encode_decode``.
    """
    name = type(segmentor).__name__
    if not isinstance(segmentor, EncoderDecoder):
        raise ValueError(
            f"segmentor.type={name!r}: training with unlabelled images needs mmseg's "
            "EncoderDecoder, CascadeEncoderDecoder or a class derived from them"
        )
    if isinstance(segmentor, DepthEstimator):
        raise ValueError(
            f"segmentor.type={name!r} predicts depth; training with unlabelled images "
            "needs a segmentor that predicts classes, e.g. EncoderDecoder"
        )
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


def prediction_of(segmentor: nn.Module) -> Prediction:
    """Where a segmentor's prediction is; found once, then remembered by the network.

    Heads that keep mmseg's own ``predict`` and ``loss`` return one map. For others the
    map is searched that equals ``encode_decode``, on a copy and on random images;
    neither the segmentor nor a global random generator changes.

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
            known = Prediction(*_find_maps(segmentor), sigmoid=sigmoid)
        segmentor._prediction = known
    return known


def trained_with_sigmoid(segmentor: nn.Module) -> bool:
    """Whether the last head's losses see one sigmoid for each class, not a softmax.

    ``use_sigmoid`` of the losses decides; one that has no such argument takes a
    softmax, and a softmax wins. Dice loss, whose default is a sigmoid, decides only
    where it is the only loss.
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


def probabilities(segmentor: nn.Module, logits: Tensor, dim: int = 1) -> Tensor:
    """Probabilities of the classes, in 0..1, with the sum 1.

    Args:
        segmentor: A segmentor with one channel for each class, at least two.
        logits: What it predicts, float, the classes in dimension ``dim``.
        dim: The dimension of the classes.

    Returns:
        The shape and dtype of ``logits``.
    """
    reading = Prediction(sigmoid=trained_with_sigmoid(segmentor))
    return reading.class_logits(logits).softmax(dim=dim)


def _gives_one_map(segmentor: nn.Module) -> bool:
    """Whether mmseg's own code shows that the last head returns just the prediction."""
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


def _find_maps(segmentor: nn.Module) -> tuple[Hashable, Hashable]:
    """Keys of the predicted map in training and in evaluation mode."""
    with _own_randomness(), torch.no_grad():
        trial = copy.deepcopy(segmentor).cpu().eval()
        generator = torch.Generator().manual_seed(0)
        _disturb_constants(trial, generator)
        images, expected = _predict_random_images(trial, generator)
        evaluation = _find_map(trial, images, expected)
        _train_without_noise(trial)
        return _find_map(trial, images, expected), evaluation


def _predict_random_images(
    network: nn.Module, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Images (2, D, S, S) of the smallest size that works, and logits (2, C, S, S)."""
    convs = (m for m in network.backbone.modules() if isinstance(m, nn.Conv2d))
    first = next(convs, None)
    channels = first.in_channels if first is not None else 3
    for size in TRIAL_SIZES:
        images = torch.randn(2, channels, size, size, generator=generator)
        shape = (size, size)
        meta = {"img_shape": shape, "ori_shape": shape, "pad_shape": shape}
        try:
            torch.default_generator.manual_seed(0)
            return images, network.encode_decode(images, [dict(meta), dict(meta)])
        except Exception as error:
            failure = error
    raise ValueError(
        f"decode_head: to find the prediction among the outputs of "
        f"{type(last_head(network)).__name__}, encode_decode was tried on images of "
        f"{TRIAL_SIZES} pixels, and fails: {failure}"
    ) from failure


def _find_map(network: nn.Module, images: Tensor, expected: Tensor) -> Hashable:
    """Key of the map of the last head that equals the expected logits (2, C, S, S)."""
    heads = decode_heads(network)
    name = type(heads[-1]).__name__
    torch.default_generator.manual_seed(0)
    try:
        output = run_heads(heads, network.extract_feat(images))[-1]
    except Exception as error:
        raise ValueError(
            f"decode_head: {name}.forward does not run on features alone ({error}); "
            f"training with unlabelled images needs the logits it returns; {LISTED}"
        ) from error
    found = [
        key
        for key, value in _maps(output).items()
        if _equal(value, expected, heads[-1].align_corners)
    ]
    if len(found) == 1:
        return found[0]
    mode = "training" if heads[-1].training else "evaluation"
    what = f"the maps {found} all equal" if found else "no map equals"
    raise ValueError(
        f"decode_head: of what {name}.forward returns in {mode} mode, {what} the "
        "prediction of encode_decode in evaluation mode; training with unlabelled "
        "images needs a head whose forward returns the predicted logits (N, C, H, W) "
        f"once, in both modes; {LISTED}"
    )


def _maps(output: object) -> Mapping[Hashable, object]:
    if isinstance(output, Mapping):
        return output
    if isinstance(output, (list, tuple)):
        return dict(enumerate(output))
    return {None: output}


def _equal(value: object, expected: Tensor, align_corners: bool) -> bool:
    if not isinstance(value, Tensor) or value.ndim != 4:
        return False
    if value.shape[:2] != expected.shape[:2]:
        return False
    size = expected.shape[-2:]
    value = resize(value, size, mode="bilinear", align_corners=align_corners)
    return bool((value - expected).abs().amax() <= TOLERANCE * expected.abs().amax())


def _disturb_constants(network: nn.Module, generator: torch.Generator) -> None:
    """Change parameters of a single value, whose zeros could make all maps equal."""
    for parameter in network.parameters():
        if parameter.numel() and (parameter == parameter.flatten()[0]).all():
            inputs = parameter[0].numel() if parameter.ndim > 1 else 100
            noise = torch.randn(parameter.shape, generator=generator)
            parameter += noise.to(parameter.dtype) / inputs**0.5


def _train_without_noise(network: nn.Module) -> None:
    """Training mode without dropout and batch statistics.

    They are modules without children. What a head returns is decided above these.
    """
    network.train()
    deciding = [network.backbone, getattr(network, "neck", None)]
    deciding += decode_heads(network)
    for module in network.modules():
        leaf = next(module.children(), None) is None
        attention = isinstance(module, nn.MultiheadAttention)
        if (leaf or attention) and not any(module is each for each in deciding):
            module.eval()


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Restore the global generators of Python, NumPy and PyTorch's CPU afterwards."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
