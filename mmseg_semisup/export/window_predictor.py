"""Predicts images of any size in windows, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmcv.transforms import LoadImageFromFile, Resize
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.datasets.transforms import PackSegInputs, ResizeShortestEdge
from mmseg.registry import TRANSFORMS
from mmseg.structures import SegDataSample
from numpy.typing import NDArray
from torch import Tensor

from mmseg_semisup.core.config_types import is_type
from mmseg_semisup.core.errors import ConfigError, check_range
from mmseg_semisup.core.palette import class_palette
from mmseg_semisup.datasets.nearest_multiple import ResizeToNearestMultiple
from mmseg_semisup.datasets.pixel_windows import PixelWindows
from mmseg_semisup.models.network_names import predicting_names
from mmseg_semisup.models.segmentors.probability_windows import (
    ProbabilityEncoderDecoder,
)
from mmseg_semisup.models.step.prediction import probabilities

from .blended_windows import blended
from .build import build_network, unpadded_logits
from .onnx_graph import network_multiple
from .plain_model import (
    dataset_meta,
    is_fused,
    plain_model,
    plain_state,
    test_pipeline,
)

SIDE = 1024
"""Of a window, where the config names no size."""
SIZES = (Resize, ResizeShortestEdge, ResizeToNearestMultiple)
"""Transforms that are left out: windows have the pixels of the file."""
KEPT = (LoadImageFromFile, PackSegInputs)


class LabelBlock(NamedTuple):
    """A part of an image whose classes are known.

    Attributes:
        rows: Its rows.
        columns: Its columns.
        labels: Class of each pixel, (rows, columns), uint8.
        confidence: Probability of that class, float32, in 0..1.
    """

    rows: slice
    columns: slice
    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]


class WindowPredictor:
    """Predicts overlapping windows with one network or several, and blends them.

    Logits are blended; probabilities, where the config's segmentor averages those of
    its windows, or for several networks.

    Args:
        cfg: Config of a training, or a plain MMSegmentation config.
        checkpoint: Its checkpoint, as loaded.
        networks: Names of the networks, whose mean probabilities decide; None: what the
            config tests.
        device: Where to run.
        window: Side of the windows in pixels; None: the ``crop_size`` of
            ``test_cfg=dict(mode='slide')``, else the ``size`` of the preprocessor's
            training crops, else 1024.
        overlap: Pixels that neighbours share; None: those of ``test_cfg``, else a
            quarter of the window.
        batch_size: Number of windows that are predicted together.

    Raises:
        ConfigError: If the test pipeline does more than to load and resize images, the
            overlap is not smaller than the window, or config and checkpoint do not fit
            each other.
    """

    def __init__(
        self,
        cfg: Config,
        checkpoint: Mapping[str, Any],
        networks: Sequence[str] | None = None,
        device: str = "cpu",
        window: int | None = None,
        overlap: int | None = None,
        batch_size: int = 1,
    ) -> None:
        init_default_scope(cfg.get("default_scope", "mmseg"))
        if is_fused(cfg.model):
            raise ConfigError(
                "a FusedSegmentor classifies whole images, so it cannot predict windows"
            )
        check_pipeline(cfg)
        check_range("--batch-size", 1, batch_size=batch_size)
        meta = dataset_meta(checkpoint, cfg)
        self.classes: list[str] = list(meta["classes"])
        self.palette = meta["palette"] or class_palette(self.classes)
        self.models = []
        for name in networks or predicting_names(cfg.model):
            state = plain_state(dict(checkpoint["state_dict"]), name)
            self.models.append(build_network(plain_model(cfg, name), state, device))
        first = self.models[0]
        self.window, self.overlap = window_size(first, window, overlap)
        self.batch_size = batch_size
        self.blends_probabilities = len(self.models) > 1 or any(
            isinstance(model, ProbabilityEncoderDecoder) for model in self.models
        )
        for model in self.models:
            # Each window is predicted as a whole.
            model.test_cfg = {**(model.test_cfg or {}), "mode": "whole"}
            model.test_cfg = type(cfg.model)(model.test_cfg)
        self.multiple = max(network_multiple(model) for model in self.models)

    @torch.inference_mode()
    def __call__(self, pixels: PixelWindows) -> Iterator[LabelBlock]:
        """Predict an image.

        Args:
            pixels: The image.

        Yields:
            Parts that are complete, from left to right, rows of parts from the top.

        Raises:
            ImageFileError: If a part cannot be decoded.
        """

        def scores(windows: list[tuple[slice, slice]]) -> Tensor:
            return self._scores([pixels.read(rows, cols) for rows, cols in windows])

        blocks = blended(
            pixels.size, self.window, self.overlap, scores, self.batch_size
        )
        for rows, columns, values in blocks:
            labels, confidence = self._decided(values)
            yield LabelBlock(
                rows,
                columns,
                labels.to(torch.uint8).cpu().numpy(),
                confidence.cpu().numpy(),
            )

    def windows(self, size: tuple[int, int]) -> int:
        """Number of the parts of an image of (height, width)."""
        count = 1
        for side, window, overlap in zip(size, self.window, self.overlap, strict=True):
            step = max(min(window, side) - overlap, 1)
            count *= -(-max(side - window, 0) // step) + 1
        return count

    def _scores(self, windows: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Logits or mean probabilities of windows, (N, C, h, w), float."""
        height, width = windows[0].shape[:2]
        below, right = -height % self.multiple, -width % self.multiple
        images = []
        for window in windows:
            padded = np.pad(window, ((0, below), (0, right), (0, 0)), mode="edge")
            bgr = np.ascontiguousarray(padded[..., ::-1].transpose(2, 0, 1))
            sample = SegDataSample()
            size = padded.shape[:2]
            sample.set_metainfo({"img_shape": size, "ori_shape": size})
            images.append({"inputs": torch.from_numpy(bgr), "data_samples": sample})
        found = []
        for model in self.models:
            own = [
                {**each, "data_samples": each["data_samples"].clone()}
                for each in images
            ]
            logits = unpadded_logits(model, own)[..., :height, :width].float()
            found.append(
                self._probs(model, logits) if self.blends_probabilities else logits
            )
        return found[0] if len(found) == 1 else torch.stack(found).mean(dim=0)

    def _probs(self, model: Any, logits: Tensor) -> Tensor:
        if logits.shape[1] == 1:
            prob = logits.sigmoid()
            return torch.cat([1 - prob, prob], dim=1)
        return probabilities(model, logits)

    def _decided(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Classes and their probabilities, (h, w) each."""
        if self.blends_probabilities:
            confidence, labels = scores.max(dim=0)
            return labels, confidence
        model = self.models[0]
        if len(scores) == 1:
            prob = scores[0].sigmoid()
            labels = prob > model.decode_head.threshold
            return labels, torch.where(labels, prob, 1 - prob)
        labels = scores.max(dim=0).indices
        probs = probabilities(model, scores, dim=0)
        return labels, probs.gather(0, labels[None])[0]


def window_size(
    model: Any, window: int | None, overlap: int | None
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Size and overlap of the windows, (rows, columns) each.

    Args:
        model: A built segmentor.
        window: Side of the windows, or None.
        overlap: Overlap of neighbours, or None.

    Raises:
        ConfigError: If the overlap is not smaller than the window.
    """
    cfg = model.test_cfg or {}
    slides = cfg.get("mode", "whole") == "slide"
    crop = cfg["crop_size"] if slides else model.data_preprocessor.size
    size = (window, window) if window else tuple(crop or (SIDE, SIDE))
    multiple = network_multiple(model)
    size = tuple(max(side // multiple, 1) * multiple for side in size)
    if overlap is not None:
        shared = (overlap, overlap)
    elif slides and not window:
        shared = tuple(s - t for s, t in zip(size, cfg["stride"], strict=True))
    else:
        shared = tuple(side // 4 for side in size)
    if any(not 0 <= o < s for o, s in zip(shared, size, strict=True)):
        raise ConfigError(
            f"--overlap {shared[0]}: allowed: 0 to {min(size) - 1}, less than the side "
            "of a window"
        )
    return (size[0], size[1]), (shared[0], shared[1])


def check_pipeline(cfg: Config) -> None:
    """Raise ConfigError for a test pipeline that does more than to load and resize.

    Args:
        cfg: The config.

    Raises:
        ConfigError: If it does.
    """
    for step in test_pipeline(cfg):
        if not is_type(step, TRANSFORMS, *KEPT, *SIZES):
            raise ConfigError(
                f"the test pipeline has {step['type']}, which windows of an image "
                "cannot have; without --window, whole images are predicted"
            )
