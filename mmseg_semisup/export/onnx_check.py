"""Compares an ONNX file with the network that it was made from."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmseg_semisup.core.errors import ConfigError

from .build import unpadded_logits
from .onnx_graph import OnnxNetwork, network_multiple
from .onnx_packages import onnx_packages

LARGEST_DIFFERENCE = 1e-3
"""Of logits."""
LEAST_EQUAL = 0.999
"""Share of the pixels of an image whose classes are equal."""


class Agreement(NamedTuple):
    """How far an ONNX file agrees with its network.

    Attributes:
        images: Number of images.
        difference: Largest absolute difference of two logits.
        equal: Least share of pixels of equal class, in 0..1.
    """

    images: int
    difference: float
    equal: float


def compare(
    content: bytes,
    network: OnnxNetwork,
    model: Any,
    samples: Mapping[str, dict[str, Any]],
    size: tuple[int, int] | None = None,
) -> Agreement:
    """Run an ONNX file and its network on the same images.

    Besides each image, a part of the first one of another size, and this part together
    with its mirror image, so that a size or a number that became a constant is noticed.

    Args:
        content: The file, with the outputs logits and classes.
        network: What it was made from.
        model: The segmentor that predicts by its own methods.
        samples: Name to an image, as the test pipeline gives it.
        size: Height and width, where the file has a constant size; larger images are
            cut to it.

    Raises:
        ConfigError: If they differ by more than :data:`LARGEST_DIFFERENCE`, or on
            more than the rest of :data:`LEAST_EQUAL`.
    """
    onnxruntime = onnx_packages()["onnxruntime"]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its errors have no common base but this
        raise ConfigError(f"--onnx: onnxruntime refuses it: {_line(error)}") from error
    found = Agreement(len(samples), 0.0, 1.0)
    for name, images in _cases(samples, model, size):
        given = np.concatenate([_input(network, each["inputs"]) for each in images])
        try:
            logits, classes = session.run(
                ["logits", "classes"], {network.source: given}
            )
        except Exception as error:
            raise ConfigError(
                f"--onnx: onnxruntime cannot predict {name}: {_line(error)}"
            ) from error
        try:
            with torch.no_grad():
                expected = unpadded_logits(model, images).float().numpy()
        except (RuntimeError, ValueError) as error:
            raise ConfigError(
                f"--onnx: the network itself cannot predict {name}: {_line(error)}; "
                "give larger images, or --onnx-size HEIGHT WIDTH"
            ) from error
        if logits.shape != expected.shape:
            raise ConfigError(
                f"--onnx: for {name}, the file gives logits of {logits.shape}, and the "
                f"network of {expected.shape}; with --onnx-size HEIGHT WIDTH, the size "
                "is constant"
            )
        difference = float(np.abs(logits - expected).max())
        equal = float((classes == _classes(expected, model)).mean())
        if not difference <= LARGEST_DIFFERENCE or equal < LEAST_EQUAL:
            raise ConfigError(
                f"--onnx: for {name}, logits differ by up to {difference:.1e} and "
                f"{100 * equal:.2f} % of the classes are equal; allowed: "
                f"{LARGEST_DIFFERENCE:.0e} and {100 * LEAST_EQUAL} %"
            )
        found = Agreement(
            len(samples), max(found.difference, difference), min(found.equal, equal)
        )
    return found


def _cases(
    samples: Mapping[str, dict[str, Any]], model: Any, size: tuple[int, int] | None
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Name and batch of what is predicted."""
    cfg = model.test_cfg or {}
    window = cfg["crop_size"] if cfg.get("mode", "whole") == "slide" else None
    for name, data in samples.items():
        height, width = data["inputs"].shape[-2:]
        if size is not None and (height < size[0] or width < size[1]):
            raise ConfigError(
                f"--onnx-size {size[0]} {size[1]}: {name} has {height} x {width} "
                "pixels after the test pipeline; give larger ones to compare on"
            )
        if size is not None:
            height, width = size
        elif window is not None:
            height, width = min(height, window[0]), min(width, window[1])
        yield name, [_cut(data, height, width)]
    if size is not None:
        return
    name, data = next(iter(samples.items()))
    multiple = network_multiple(model)
    height, width = (
        max(side * part // 12 // multiple, 1) * multiple
        for side, part in zip((height, width), (9, 7), strict=True)
    )
    part = _cut(data, height, width)
    mirrored = {**part, "inputs": part["inputs"].flip(-1)}
    yield f"{height} x {width} pixels of {name}", [part]
    yield f"two images of {height} x {width} pixels of {name}", [part, mirrored]


def _cut(data: Mapping[str, Any], height: int, width: int) -> dict[str, Any]:
    """The part of an image at the top left."""
    sample = copy.deepcopy(data["data_samples"])
    size = (height, width)
    sample.set_metainfo({"img_shape": size, "ori_shape": size, "pad_shape": size})
    return {"inputs": data["inputs"][:, :height, :width], "data_samples": sample}


def _input(network: OnnxNetwork, pixels: Tensor) -> np.ndarray[Any, Any]:
    """What a user passes to the file for an image, as a batch of one."""
    if network.source == "image":
        is_bgr = network.loads_bgr and len(pixels) == 3
        ordered = pixels.flip(0) if is_bgr else pixels
        return ordered.permute(1, 2, 0).numpy()[None]
    preprocessor = network.segmentor.data_preprocessor
    swapped = preprocessor._channel_conversion and len(pixels) == 3
    values = (pixels.flip(0) if swapped else pixels).float()
    if preprocessor._enable_normalize:
        values = (values - preprocessor.mean) / preprocessor.std
    return values.numpy()[None]


def _classes(logits: np.ndarray[Any, Any], model: Any) -> np.ndarray[Any, Any]:
    """Classes of logits (N, C, H, W), as mmseg finds them."""
    if logits.shape[1] > 1:
        return logits.argmax(axis=1)
    return 1 / (1 + np.exp(-logits[:, 0])) > model.decode_head.threshold


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
