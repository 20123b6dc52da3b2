"""Writes a network as an ONNX file that has been compared with the network."""

from __future__ import annotations

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from mmengine.dataset import Compose
from torch import Tensor

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.read_image import CHANNELS, load, pipeline_reader
from mmseg_semisup.version import __version__

from .onnx_check import Agreement, compare
from .onnx_graph import INPUTS, OUTPUTS, OnnxNetwork, exportable_operations
from .onnx_packages import onnx_packages

LARGEST = 2**31
"""Bytes that one file of protocol buffers can hold."""
SHOWN = 300
"""Characters of an exporter's error that are shown."""
CONSTANT = "as dynamic but your code specialized it"
"""What torch.export says of a network that reads a size as a number."""
STEP = 32
"""Sides of the example that is traced are multiples of this."""


@dataclass(frozen=True)
class OnnxSettings:
    """What an ONNX file takes and gives.

    Args:
        source: One of :data:`INPUTS`.
        outputs: Some of :data:`OUTPUTS`.
        size: Height and width of all images, with one image a call; None: any.

    Raises:
        ConfigError: If a value is not allowed.
    """

    source: str = "image"
    outputs: tuple[str, ...] = ("classes", "confidence")
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        if self.source not in INPUTS:
            raise ConfigError(f"input={self.source!r}; allowed: {', '.join(INPUTS)}")
        unknown = set(self.outputs) - set(OUTPUTS)
        if unknown or not self.outputs:
            raise ConfigError(
                f"outputs={list(self.outputs)}; allowed: some of {', '.join(OUTPUTS)}"
            )


def write_onnx(
    model: Any,
    pipeline: Sequence[Mapping[str, Any]],
    images: Sequence[str | Path],
    path: str | Path,
    settings: OnnxSettings,
    facts: Mapping[str, Any],
) -> Agreement:
    """Write a segmentor as an ONNX file, if it predicts what the segmentor does.

    Args:
        model: A plain segmentor in evaluation mode, on the CPU.
        pipeline: Configs of the transforms from a file to the model.
        images: Files of the images on which both are compared.
        path: The file to write.
        settings: What the file takes and gives.
        facts: Further entries of its metadata, as values for JSON.

    Returns:
        How far both agree.

    Raises:
        ConfigError: If a package is missing, the network cannot be exported, or both
            differ; then nothing is written.
        ImageFileError: If an image cannot be read.
    """
    onnx = onnx_packages()["onnx"]
    steps = Compose([dict(step) for step in pipeline]).transforms
    samples = {}
    for image in images:
        data: Any = {"img_path": str(image)}
        for step in steps:
            data = load(step, data)
        samples[str(image)] = data
    loads_bgr = pipeline_reader(pipeline) != CHANNELS
    network = OnnxNetwork(model, settings.source, loads_bgr).eval()
    first = next(iter(samples.values()))["inputs"]
    if settings.source == "image" and first.dtype != torch.uint8:
        raise ConfigError(
            "--onnx-input image takes 8 bits, and the test pipeline gives "
            f"{first.dtype}; with --onnx-input tensor, the file takes normalised values"
        )
    proto = to_onnx(network, first.shape, settings.size)
    whole = proto.SerializeToString()
    agreement = compare(whole, network, model, samples, settings.size)
    keep_outputs(proto, settings.outputs)
    content = {
        **facts,
        "input": settings.source,
        "multiple_of": network.multiple,
        "resize": [step for step in pipeline if "Resize" in str(step.get("type"))],
        "window": _window(model),
        "written_by": f"mmseg_semisup {__version__}",
    }
    for key, value in content.items():
        proto.metadata_props.add(key=key, value=json.dumps(value))
    onnx.checker.check_model(proto)
    atomic_write(path, proto.SerializeToString())
    return agreement


def to_onnx(
    network: OnnxNetwork,
    shape: Sequence[int],
    size: tuple[int, int] | None = None,
) -> Any:
    """Convert a network, and simplify the result by onnxscript's optimizer.

    Args:
        network: The network, in evaluation mode.
        shape: Channels, height and width of one of its images.
        size: Height and width of all images, with one image a call; None: any number
            and size.

    Returns:
        An ``onnx.ModelProto`` with the outputs :data:`OUTPUTS`.

    Raises:
        ConfigError: If that fails; the message has the exporter's reason.
    """
    onnx_packages()
    head = type(network.segmentor.decode_head).__name__
    stored = sum(v.numel() * v.element_size() for v in network.state_dict().values())
    if stored >= LARGEST:
        raise ConfigError(
            f"--onnx: the weights take {stored / 2**30:.1f} GB, and one ONNX file "
            "holds 2"
        )
    example = _example(network.source, shape, size)
    sides = (0, 1, 2) if network.source == "image" else (0, 2, 3)
    dims = {} if size else dict.fromkeys(sides, torch.export.Dim.DYNAMIC)
    try:
        with torch.no_grad(), exportable_operations(), _silence():
            exported = torch.export.export(
                network, (example,), dynamic_shapes=(dims,), strict=False
            )
            program = torch.onnx.export(
                exported,
                dynamo=True,
                input_names=[network.source],
                output_names=list(OUTPUTS),
                verbose=False,
            )
    except Exception as error:  # whatever a network or an exporter raises
        advice = "" if size else "; with --onnx-size HEIGHT WIDTH, all is constant"
        raise ConfigError(
            f"--onnx: {head} cannot be exported: {_reason(error)}{advice}"
        ) from error
    # Typed as optional because of the older exporter.
    return cast(Any, program).model_proto


def _example(source: str, shape: Sequence[int], size: tuple[int, int] | None) -> Tensor:
    """The images that are traced, whose values do not matter.

    Their numbers differ, and are larger than 1, so that none is taken for a constant.
    """
    channels, *sides = shape
    count, (height, width) = 1, size or (0, 0)
    if size is None:
        count = 2
        height, width = (max(-(-side // STEP), 2) * STEP for side in sides)
        width += STEP * (width == height)
    if source == "image":
        return torch.zeros((count, height, width, channels), dtype=torch.uint8)
    return torch.zeros((count, channels, height, width))


def keep_outputs(proto: Any, names: Sequence[str]) -> None:
    """Remove the other outputs of a model, and what only they need.

    Args:
        proto: An ``onnx.ModelProto``; changed in place.
        names: Names of the outputs.
    """
    graph = proto.graph
    for output in [o for o in graph.output if o.name not in names]:
        graph.output.remove(output)
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed.update(node.input)
            for attribute in node.attribute:
                # A branch reads values of the graph around it.
                for inner in (attribute.g, *attribute.graphs):
                    needed.update(i for each in inner.node for i in each.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    for values in (graph.initializer, graph.value_info):
        for value in [v for v in values if v.name not in needed]:
            values.remove(value)


def _window(model: Any) -> dict[str, Any] | None:
    """Size and stride of the windows of a model that predicts in windows."""
    cfg = model.test_cfg or {}
    if cfg.get("mode", "whole") != "slide":
        return None
    return {"size": list(cfg["crop_size"]), "stride": list(cfg["stride"])}


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Leave out the exporter's remarks on packages and versions."""
    loggers = {logging.getLogger(name) for name in ("torch.onnx", "onnxscript")}
    levels = {logger: logger.level for logger in loggers}
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def _reason(error: BaseException) -> str:
    """The first sentence of the innermost cause of an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines: list[str] = [line.strip() for line in str(error).splitlines()]
    if any(CONSTANT in line for line in lines):
        return "number or size of the images becomes a constant"
    text = next((line for line in lines if line), "") or type(error).__name__
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."
