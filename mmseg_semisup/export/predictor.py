"""Predictions of single images: labels and confidence, of one network or several.

MMSegmentation's own MMSegInferencer loads checkpoints without the restricted reader,
knows no teacher, stops at the first bad image, and numbers its masks instead of naming
them after the images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmseg.models import BaseSegmentor
from mmseg.registry import MODELS
from numpy.typing import NDArray
from torch import Tensor

from mmseg_semisup.core.palette import class_palette
from mmseg_semisup.engine.hooks.architecture_hook import check_state
from mmseg_semisup.models.data_preprocessor import prepared_model
from mmseg_semisup.models.fused_segmentor import FusedSegmentor
from mmseg_semisup.models.network_names import check_network, members, predicting_names
from mmseg_semisup.models.step.prediction import probabilities

from .image_loader import ImageLoader
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
            mean of the networks' probabilities decides. None: what the config tests.
        device: Where to run.

    Raises:
        ValueError: If config and checkpoint do not fit each other.
    """

    def __init__(
        self,
        cfg: Config,
        checkpoint: dict[str, Any],
        network: str | Sequence[str] | None = None,
        device: str = "cpu",
    ) -> None:
        init_default_scope(cfg.get("default_scope", "mmseg"))
        meta = dataset_meta(checkpoint, cfg)
        self.classes: list[str] = list(meta["classes"])
        self.palette = meta["palette"] or class_palette(self.classes)
        network = network or predicting_names(cfg.model)
        given = [network] if isinstance(network, str) else list(network)
        names = [name for each in given for name in members(each)]
        self.models = [load_model(cfg, checkpoint, n).to(device) for n in names]
        self.model = self.models[0]
        self._networks: list[Any] = [
            _network_of(model, name)
            for model, name in zip(self.models, names, strict=True)
        ]
        self.load = ImageLoader(test_pipeline(cfg))

    def __call__(self, path: str | Path) -> PredictedImage:
        """Predict one image.

        Args:
            path: An image file of any size.

        Returns:
            Classes and confidence, at the size of the image.

        Raises:
            ImageFileError: If it cannot be used; the message begins with its name.
        """
        return self.predict([self.load(str(path))])[0]

    @torch.inference_mode()
    def predict(self, images: Sequence[Mapping[str, Any]]) -> list[PredictedImage]:
        """Predict images of one size in one batch.

        Args:
            images: What ``load`` returns, with equal sizes after the test pipeline.

        Returns:
            Classes and confidence of each, at the size of its file.
        """
        keys = ("inputs", "data_samples")
        batch: dict[str, Any] = {key: [each[key] for each in images] for key in keys}
        found = self._predict(0, batch)
        if len(self.models) > 1:
            # A sample holds the predictions of the last network alone.
            every = [
                found,
                *(self._predict(i, batch) for i in range(1, len(self.models))),
            ]
            means = [
                torch.stack([probs for probs, _ in each]).mean(dim=0)
                for each in zip(*every, strict=True)
            ]
            found = [(p, p.max(dim=0).indices.to(torch.uint8)) for p in means]
        results = []
        for probs, labels in found:
            confidence = probs.gather(0, labels.long().unsqueeze(0))[0].float()
            results.append(
                PredictedImage(labels.cpu().numpy(), confidence.cpu().numpy())
            )
        return results

    def _predict(
        self, index: int, batch: Mapping[str, Any]
    ) -> list[tuple[Tensor, Tensor]]:
        """Probabilities, (C, H, W), and labels, (H, W), uint8, of one network."""
        # A preprocessor changes the samples that it gets.
        own = {key: list(value) for key, value in batch.items()}
        own["data_samples"] = [sample.clone() for sample in batch["data_samples"]]
        found = []
        for result in self.models[index].test_step(own):
            logits = result.seg_logits.data
            labels = result.pred_sem_seg.data[0].to(torch.uint8)
            if len(logits) == 1:
                # mmseg returns the sigmoid of a single channel in place of its logits.
                object_prob = logits[0]
                probs = torch.stack([1 - object_prob, object_prob])
            else:
                probs = probabilities(self._networks[index], logits, dim=0)
            found.append((probs, labels))
        return found


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
