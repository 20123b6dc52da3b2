"""Labels batches of images with a trained network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.models.utils import resize
from torch import Tensor

from mmseg_semisup.core.errors import ImageFileError, StoreError
from mmseg_semisup.core.palette import class_palette
from mmseg_semisup.export import image_loader
from mmseg_semisup.export.build import build_network, unpadded_logits
from mmseg_semisup.export.plain_model import (
    dataset_meta,
    plain_model,
    plain_state,
    test_pipeline,
)
from mmseg_semisup.models.step.prediction import probabilities

from .images import Item
from .settings import Settings


class Labels(NamedTuple):
    """The labels of an image at the size of its file.

    Attributes:
        classes: (H, W), uint8, the most probable class; 255: none.
        confidence: (H, W), float32, its probability.
    """

    classes: Tensor
    confidence: Tensor


class MaskPredictor(Protocol):
    """A network that labels images: a segmentor, or a classifier of image labels.

    Attributes:
        classes: Names of the classes, in the order of their numbers.
        palette: Their colours, RGB.
        test_cfg: Its test settings, for the manifest.
        pipeline: Configs of the transforms that load an image.
    """

    classes: list[str]
    palette: list[list[int]]
    test_cfg: dict[str, Any]
    pipeline: list[dict[str, Any]]

    def load(self, item: Item) -> dict[str, Any]:
        """Read an image; any thread may call this."""

    def logits(self, images: Sequence[dict[str, Any]]) -> list[Tensor]:
        """Run the network on images of one size."""

    def label(
        self, logits: Sequence[Tensor], index: int, size: tuple[int, int]
    ) -> Labels:
        """Label one image of a batch; any thread may call this."""


class ImageLoader(image_loader.ImageLoader):
    """Loads images through a test pipeline, in any number of threads.

    Args:
        pipeline: Configs of its transforms.
    """

    def __call__(self, path: str) -> dict[str, Any]:
        """Load an image.

        Returns:
            ``inputs``, (3, H, W), uint8, and ``data_samples``, which holds the sizes.

        Raises:
            StoreError: If it cannot be used; the message names it.
        """
        try:
            return super().__call__(path)
        except ImageFileError as error:
            raise StoreError(str(error)) from error


class BatchPredictor:
    """One network of a checkpoint that predicts batches.

    Only the segmentor itself is built: no objectives and no other network.

    Args:
        cfg: Config of a training, or a plain MMSegmentation config.
        checkpoint: Its checkpoint, as loaded.
        settings: The network and its test settings.
        device: Where to run.

    Raises:
        ValueError: If config and checkpoint do not fit each other.
    """

    def __init__(
        self,
        cfg: Config,
        checkpoint: Mapping[str, Any],
        settings: Settings,
        device: str | torch.device = "cpu",
    ) -> None:
        init_default_scope(cfg.get("default_scope", "mmseg"))
        meta = dataset_meta(checkpoint, cfg)
        self.classes: list[str] = meta["classes"]
        count = len(self.classes)
        self.palette: list[list[int]] = meta["palette"] or class_palette(self.classes)
        if count > 255:
            raise StoreError(
                f"the network has {count} classes; masks of 8 bits hold 255"
            )
        model_cfg = plain_model(cfg, settings.network)
        model_cfg["test_cfg"] = settings.test_cfg(model_cfg.get("test_cfg") or {})
        state = plain_state(dict(checkpoint["state_dict"]), settings.network)
        self.model = build_network(model_cfg, state, device)
        self.test_cfg = dict(model_cfg["test_cfg"])
        self.pipeline = test_pipeline(cfg)
        self.flip = settings.flip
        self.scales = settings.scales
        self._load = ImageLoader(self.pipeline)

    def load(self, item: Item) -> dict[str, Any]:
        """Read an image and run the test pipeline; any thread may call this.

        Raises:
            StoreError: If the image cannot be used; the message names it.
        """
        return self._load(item.image)

    @torch.inference_mode()
    def logits(self, images: Sequence[Mapping[str, Any]]) -> list[Tensor]:
        """Run the network on images of one size.

        Args:
            images: N images; after the test pipeline, all have the same size.

        Returns:
            Logits without padding, (N, C, h, w), of each scale; with ``flip``, also
            those of the mirror images, flipped back.
        """
        flips = (False, True)[: 1 + self.flip]
        found = []
        for scale in self.scales:
            seen = images if scale == 1 else [scaled(image, scale) for image in images]
            found += [unpadded_logits(self.model, seen, flip) for flip in flips]
        return found

    @torch.inference_mode()
    def label(
        self, logits: Sequence[Tensor], index: int, size: tuple[int, int]
    ) -> Labels:
        """Label one image; any thread may call this.

        One image at a time, because a batch of probabilities at full size needs much
        memory.

        Args:
            logits: The result of :meth:`logits`.
            index: Number of the image in the batch.
            size: Height and width of its file.

        Returns:
            Classes and confidence on the network's device.
        """
        full = [
            resize(
                each[index : index + 1],
                size=size,
                mode="bilinear",
                align_corners=self.model.align_corners,
                warning=False,
            )[0]
            for each in logits
        ]
        if len(full[0]) == 1:
            prob = torch.stack([each[0].sigmoid() for each in full]).mean(dim=0)
            classes = prob > self.model.decode_head.threshold
            return Labels(classes.to(torch.uint8), torch.where(classes, prob, 1 - prob))
        probs = probabilities(self.model, full[0], dim=0)
        if len(full) == 1:
            # Different logits may have probabilities that round to the same number.
            return Labels(_first_best(full[0]), probs.amax(dim=0))
        for each in full[1:]:
            probs += probabilities(self.model, each, dim=0)
        probs /= len(full)
        return Labels(_first_best(probs), probs.amax(dim=0))


def scaled(image: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """Resize an image after the test pipeline; its sides are at least one pixel.

    Args:
        image: ``inputs``, (3, H, W), and ``data_samples``.
        scale: Factor of both sides; they are rounded down, as in ST++.

    Returns:
        ``inputs``, (3, h, w), float, in the same range, and ``data_samples``.
    """
    pixels = image["inputs"]
    size = tuple(max(1, int(side * scale)) for side in pixels.shape[-2:])
    resized = resize(pixels[None].float(), size, mode="bilinear", align_corners=True)
    sample = image["data_samples"].clone()
    sample.set_metainfo({"img_shape": size, "pad_shape": size})
    return {"inputs": resized[0], "data_samples": sample}


def _first_best(scores: Tensor) -> Tensor:
    """Index of the largest score of each pixel; the first of several equal ones.

    On a CPU, several times as fast as ``argmax`` over the first dimension.

    Args:
        scores: (C, H, W), C below 256.

    Returns:
        (H, W), uint8.
    """
    count = len(scores)
    rank = torch.arange(count, 0, -1, dtype=torch.uint8, device=scores.device)
    found = (scores == scores.amax(dim=0)).to(torch.uint8) * rank[:, None, None]
    return count - found.amax(dim=0)
