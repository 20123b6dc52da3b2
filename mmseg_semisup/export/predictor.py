"""Predictions of single images: labels and confidence, of one network or several.

MMSegmentation's own MMSegInferencer loads checkpoints without the restricted reader,
knows no teacher, stops at the first bad image, and numbers its masks instead of naming
them after the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmseg.models import BaseSegmentor
from mmseg.registry import MODELS
from numpy.typing import NDArray
from torch import Tensor

from mmseg_semisup.core.palette import class_palette
from mmseg_semisup.datasets.read_image import load
from mmseg_semisup.engine.hooks.architecture_hook import check_state
from mmseg_semisup.models.data_preprocessor import prepared_model
from mmseg_semisup.models.fused_segmentor import FusedSegmentor
from mmseg_semisup.models.network_names import STUDENT, check_network
from mmseg_semisup.models.step.prediction import probabilities

from .plain_model import (
    dataset_meta,
    is_fused,
    plain_state,
    test_pipeline,
    without_part_checkpoints,
)


class PredictedImage(NamedTuple):
    """What a network says of an image.

    Attributes:
        labels: Class of each pixel, (H, W), uint8.
        confidence: Probability of that class, (H, W), float32, in 0..1.
    """

    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]


class Predictor:
    """Predicts label masks of image files with a trained network.

    Args:
        cfg: Config of a training, or a plain MMSegmentation config.
        checkpoint: Its checkpoint, as loaded.
        network: Name of the network; a plain model is a student. Of several names, the
            mean of the networks' probabilities decides.
        device: Where to run.

    Raises:
        ValueError: If config and checkpoint do not fit each other.
    """

    def __init__(
        self,
        cfg: Config,
        checkpoint: dict[str, Any],
        network: str | Sequence[str] = STUDENT,
        device: str = "cpu",
    ) -> None:
        init_default_scope(cfg.get("default_scope", "mmseg"))
        meta = dataset_meta(checkpoint, cfg)
        self.classes: list[str] = list(meta["classes"])
        self.palette = meta["palette"] or class_palette(self.classes)
        names = [network] if isinstance(network, str) else list(network)
        self.models = [load_model(cfg, checkpoint, n).to(device) for n in names]
        self.model = self.models[0]
        self._networks: list[Any] = [
            _network_of(model, name)
            for model, name in zip(self.models, names, strict=True)
        ]
        self._pipeline = Compose(test_pipeline(cfg))

    @torch.inference_mode()
    def __call__(self, path: str | Path) -> PredictedImage:
        """Predict one image.

        Args:
            path: An image file of any size.

        Returns:
            Classes and confidence, at the size of the image.
        """
        data: Any = {"img_path": str(path)}
        for step in self._pipeline.transforms:
            data = load(step, data)
        batch = dict(inputs=[data["inputs"]], data_samples=[data["data_samples"]])
        probs, labels = self._predict(0, batch)
        if len(self.models) > 1:
            # A sample holds the predictions of the last network alone.
            others = [self._predict(i, batch)[0] for i in range(1, len(self.models))]
            probs = torch.stack([probs, *others]).mean(dim=0)
            labels = probs.max(dim=0).indices.to(torch.uint8)
        confidence = probs.gather(0, labels.long().unsqueeze(0))[0]
        return PredictedImage(labels.cpu().numpy(), confidence.float().cpu().numpy())

    def _predict(self, index: int, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Probabilities, (C, H, W), and labels, (H, W), uint8, of one network."""
        result = self.models[index].test_step(batch)[0]
        logits = result.seg_logits.data
        labels = result.pred_sem_seg.data[0].to(torch.uint8)
        if len(logits) == 1:
            object_prob = logits[0].sigmoid()
            return torch.stack([1 - object_prob, object_prob]), labels
        return probabilities(self._networks[index], logits, dim=0), labels


def _network_of(model: Any, name: str) -> Any:
    """The segmentor whose logits a model of :func:`load_model` predicts."""
    if hasattr(model, "network"):
        return model.network(name)
    return model.segmentor if isinstance(model, FusedSegmentor) else model


def load_model(cfg: Config, checkpoint: dict[str, Any], network: str) -> BaseSegmentor:
    """Build the model of a config for prediction and load its weights.

    Args:
        cfg: Config of a training, or a plain MMSegmentation config.
        checkpoint: Its checkpoint, as loaded.
        network: Name of the network.

    Returns:
        A model whose ``test_step`` predicts with the network, in evaluation mode.

    Raises:
        ValueError: If config and checkpoint do not fit each other.
    """
    model_cfg = ConfigDict(prepared_model(cfg))
    if is_fused(model_cfg):
        model_cfg = without_part_checkpoints(model_cfg)
    is_semi = "segmentor" in model_cfg and not is_fused(model_cfg)
    check_network(network, model_cfg if is_semi else {}, "network")
    if is_semi:
        test_cfg = dict(model_cfg.get("test_cfg") or {}, predict_with=network)
        model_cfg["test_cfg"] = test_cfg
    model = revert_sync_batchnorm(MODELS.build(model_cfg))
    target = model.network(network) if is_semi else model
    state = plain_state(checkpoint["state_dict"], network)
    check_state(target, state)
    target.load_state_dict(state)
    return model.eval()
