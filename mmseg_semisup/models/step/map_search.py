"""Finds the predicted map among the outputs of a decode head by a trial."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn as nn
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from torch import Tensor

from .decode_heads import LISTED, decode_heads, last_head, maps_of, run_heads

# LRASPPHead pools 49 x 49 cells of stride 8, and PIDNet needs multiples of 8.
TRIAL_SIZES = (64, 128, 256, 512)
TOLERANCE = 1e-4


def find_maps(segmentor: EncoderDecoder) -> tuple[Hashable, Hashable]:
    """Keys of the predicted map in the last head's output; None for a single map.

    The predicted map is the one that, resized, equals ``encode_decode`` in evaluation
    mode on random images; training mode is tried without dropout and batch statistics.
    The trial runs on a copy, and the global random generators are restored.

    Args:
        segmentor: An ``EncoderDecoder`` or ``CascadeEncoderDecoder``, in any mode.

    Returns:
        Index or key in training mode, and in evaluation mode.

    Raises:
        ValueError: If none or several maps are equal, or the trial fails.
    """
    with _own_randomness(), torch.no_grad():
        trial = copy.deepcopy(segmentor).cpu().eval()
        generator = torch.Generator().manual_seed(0)
        _disturb_constants(trial, generator)
        images, expected = _predict_random_images(trial, generator)
        evaluation = _find_map(trial, images, expected)
        _train_without_noise(trial)
        return _find_map(trial, images, expected), evaluation


def _predict_random_images(
    network: EncoderDecoder, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Images (2, D, S, S) of the smallest possible size, and logits (2, C, S, S)."""
    convs = (m for m in network.backbone.modules() if isinstance(m, nn.Conv2d))
    first = next(convs, None)
    channels = first.in_channels if first is not None else 3
    patch = getattr(network.backbone, "patch_size", 1)
    patch = math.lcm(*patch) if isinstance(patch, tuple) else 1
    for size in TRIAL_SIZES:
        size = -(-size // patch) * patch
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


def _find_map(network: EncoderDecoder, images: Tensor, expected: Tensor) -> Hashable:
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
    errors = {
        key: _difference(value, expected, heads[-1].align_corners)
        for key, value in maps_of(output).items()
    }
    found = [key for key, error in errors.items() if error <= TOLERANCE]
    if len(found) > 1:
        # Features of deep networks may fade before the first training, but not to 0.
        found = [key for key in found if errors[key] == 0] or found
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


def _difference(value: Any, expected: Tensor, align_corners: bool) -> float:
    """Largest difference, relative to the largest expected value; else infinite."""
    if not isinstance(value, Tensor) or value.ndim != 4:
        return math.inf
    if value.shape[:2] != expected.shape[:2]:
        return math.inf
    size = expected.shape[-2:]
    value = resize(value, size, mode="bilinear", align_corners=align_corners)
    return float((value - expected).abs().amax() / expected.abs().amax())


def _disturb_constants(network: EncoderDecoder, generator: torch.Generator) -> None:
    """Add noise to constant parameters, as zeros could make all maps equal."""
    for parameter in network.parameters():
        if parameter.numel() and (parameter == parameter.flatten()[0]).all():
            inputs = parameter[0].numel() if parameter.ndim > 1 else 100
            noise = torch.randn(parameter.shape, generator=generator)
            parameter += noise.to(parameter.dtype) / inputs**0.5


def _train_without_noise(network: EncoderDecoder) -> None:
    """Set training mode without dropout and batch statistics.

    Both are in modules without children; the modules above those decide on the output
    of a head.
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
