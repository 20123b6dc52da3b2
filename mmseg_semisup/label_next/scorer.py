"""Scores images with the networks of a training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from numpy.typing import NDArray
from torch import Tensor, nn

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.export.build import preprocess, without_padding
from mmseg_semisup.export.plain_model import is_fused
from mmseg_semisup.models.network_names import configured_networks, predicting_names
from mmseg_semisup.models.step.prediction import probabilities
from mmseg_semisup.pseudo_masks import Settings
from mmseg_semisup.pseudo_masks.images import Item
from mmseg_semisup.pseudo_masks.network import BatchPredictor

from .criteria import disagreement_map, entropy_map
from .views import VIEWS, ImageView


class Scores(NamedTuple):
    """Scores of N images.

    Attributes:
        uncertainty: Mean entropy of the pixels, (N,), float32, in 0..1.
        networks: Mean divergence of the networks, (N,), float32, in 0..1; NaN if there
            is one network.
        views: Mean divergence of the views, (N,), float32, in 0..1.
        shares: Expected share of each class, (N, C), float32, in 0..1.
        features: Means of the backbone's last map, of length 1, (N, D), float16.
    """

    uncertainty: NDArray[np.float32]
    networks: NDArray[np.float32]
    views: NDArray[np.float32]
    shares: NDArray[np.float32]
    features: NDArray[np.float16]


class Maps(NamedTuple):
    """What is drawn of an image, at the size that the network sees.

    Attributes:
        labels: Class of each pixel, (H, W), uint8.
        uncertainty: Entropy, (H, W), float32, in 0..1.
        disagreement: Divergence of views and networks, (H, W), float32, in 0..1.
    """

    labels: NDArray[np.uint8]
    uncertainty: NDArray[np.float32]
    disagreement: NDArray[np.float32]


class Scorer:
    """Scores images by the predictions of networks and of changed copies.

    Args:
        cfg: Config of a training, or a plain MMSegmentation config.
        checkpoint: Its checkpoint, as loaded.
        networks: Names of the networks; the first one's uncertainty, views and features
            count; None: that which predicts, and all others of the config.
        device: Where to run.

    Raises:
        ValueError: If config and checkpoint do not fit each other.
    """

    def __init__(
        self,
        cfg: Config,
        checkpoint: Mapping[str, Any],
        networks: Sequence[str] | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        if is_fused(cfg.model):
            raise ConfigError(
                "a FusedSegmentor cannot score images; give the config and the "
                "checkpoint of its segmentor"
            )
        self.names = list(networks or default_networks(cfg.model))
        self._predictors = [
            BatchPredictor(cfg, checkpoint, Settings(network=name), device)
            for name in self.names
        ]
        first = self._predictors[0]
        self.classes, self.palette = first.classes, first.palette
        self.pipeline, self.test_cfg = first.pipeline, first.test_cfg

    def load(self, item: Item) -> dict[str, Any]:
        """Read an image and run the test pipeline; any thread may call this.

        Raises:
            StoreError: If the image cannot be used; the message names it.
        """
        return self._predictors[0].load(item)

    @torch.inference_mode()
    def score(self, images: Sequence[Mapping[str, Any]]) -> Scores:
        """Score images of one size.

        Args:
            images: N images of :meth:`load`.
        """
        with pooled_features(self._predictors[0].model.backbone) as pooled:
            probs = self._probs(0, images)
        # A sliding window runs the backbone several times.
        features = torch.stack(pooled).mean(dim=0)
        networks = torch.full((len(images),), torch.nan)
        if len(self.names) > 1:
            networks = _mean(disagreement_map([probs, *self._others(images)]))
        views = chain([probs], self._changed(images))
        return Scores(
            _numpy(_mean(entropy_map(probs))),
            _numpy(networks),
            _numpy(_mean(disagreement_map(views))),
            _numpy(probs.mean(dim=(2, 3))),
            F.normalize(features.float(), dim=1).half().cpu().numpy(),
        )

    @torch.inference_mode()
    def maps(self, image: Mapping[str, Any]) -> Maps:
        """Compute what is drawn of an image of :meth:`load`."""
        probs = self._probs(0, [image])
        every = chain([probs], self._changed([image]), self._others([image]))
        return Maps(
            probs[0].max(dim=0).indices.to(torch.uint8).cpu().numpy(),
            _numpy(entropy_map(probs)[0]),
            _numpy(disagreement_map(every)[0]),
        )

    def _changed(self, images: Sequence[Mapping[str, Any]]) -> Iterator[Tensor]:
        """Probabilities of the first network for each view of the images."""
        return (self._probs(0, images, view) for view in VIEWS)

    def _others(self, images: Sequence[Mapping[str, Any]]) -> Iterator[Tensor]:
        """Probabilities of the other networks for the plain images."""
        return (self._probs(i, images) for i in range(1, len(self.names)))

    def _probs(
        self,
        network: int,
        images: Sequence[Mapping[str, Any]],
        view: ImageView | None = None,
    ) -> Tensor:
        """Probabilities without padding, (N, C, h, w), float, at least two classes."""
        model = self._predictors[network].model
        batch = preprocess(model, images)
        metas = [sample.metainfo for sample in batch["data_samples"]]
        inputs = batch["inputs"] if view is None else view.apply(batch["inputs"])
        logits = model.inference(inputs, metas)
        if logits.shape[1] == 1:
            object_prob = logits.sigmoid()
            probs = torch.cat([1 - object_prob, object_prob], dim=1)
        else:
            probs = probabilities(model, logits)
        if view is not None:
            probs = view.undo(probs)
        return without_padding(probs, metas[0])


def default_networks(model: Mapping[str, Any]) -> list[str]:
    """All networks of a model's config, that which predicts first."""
    first = predicting_names(model)
    return sorted(configured_networks(model), key=lambda name: name not in first)


@contextmanager
def pooled_features(backbone: nn.Module) -> Iterator[list[Tensor]]:
    """Keep the mean of a backbone's last map in each of its passes.

    Args:
        backbone: The backbone of a segmentor.

    Yields:
        A list that gets (N, D), float, in each pass.

    Raises:
        ConfigError: In a pass, if it gives no map.
    """
    kept: list[Tensor] = []

    def keep(module: nn.Module, args: Any, output: Any) -> None:
        last = _last_map(output)
        if last is None:
            raise ConfigError(f"{type(module).__name__} gives no map (N, D, H, W)")
        kept.append(last.mean(dim=(2, 3)))

    handle = backbone.register_forward_hook(keep)
    try:
        yield kept
    finally:
        handle.remove()


def _last_map(output: Any) -> Tensor | None:
    """The last map in the output of a backbone, which may have tokens beside maps."""
    if isinstance(output, Tensor):
        return output if output.ndim == 4 else None
    parts = output.values() if isinstance(output, Mapping) else output
    maps = (_last_map(part) for part in reversed(list(parts)))
    return next((found for found in maps if found is not None), None)


def _mean(maps: Tensor) -> Tensor:
    return maps.mean(dim=(1, 2))


def _numpy(values: Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = values.float().cpu().numpy()
    return found
