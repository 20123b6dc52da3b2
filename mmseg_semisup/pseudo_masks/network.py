"""A trained network that labels batches of images, with its confidence."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_semisup.datasets.files import check_complete
from mmseg_semisup.engine.export import (
    dataset_meta,
    plain_model,
    plain_state,
    test_pipeline,
)
from mmseg_semisup.engine.hooks.architecture_hook import check_state
from mmseg_semisup.engine.predict import default_palette

from .errors import StoreError
from .settings import Settings


class Loaded(NamedTuple):
    """An image after the test pipeline.

    Attributes:
        image: (3, H, W), uint8.
        sample: With ``ori_shape`` and ``img_shape``.
    """

    image: Tensor
    sample: SegDataSample


class Labels(NamedTuple):
    """What the network says of an image, at the size of its file.

    Attributes:
        classes: (H, W), uint8, the most probable class.
        confidence: (H, W), float32, its probability.
    """

    classes: Tensor
    confidence: Tensor


class BatchPredictor:
    """The student or the teacher of a checkpoint, for batches.

    Only the segmentor itself is built: no objectives, and one network of two.

    Args:
        cfg: Config of a training, or a plain MMSegmentation config.
        checkpoint: Its checkpoint, as loaded.
        settings: The network, and how it predicts.
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
        self.palette: list[list[int]] = meta["palette"] or default_palette(
            len(self.classes)
        )
        if len(self.classes) > 255:
            raise StoreError(
                f"the network has {len(self.classes)} classes; masks of 8 bits hold 255"
            )
        model_cfg = plain_model(cfg)
        model_cfg["test_cfg"] = settings.test_cfg(model_cfg.get("test_cfg") or {})
        model = revert_sync_batchnorm(MODELS.build(ConfigDict(model_cfg)))
        state = plain_state(dict(checkpoint["state_dict"]), settings.network)
        check_state(model, state)
        model.load_state_dict(state)
        self.model = model.to(device).eval()
        self.test_cfg = dict(model_cfg["test_cfg"])
        self.pipeline = test_pipeline(cfg)
        self.flip = settings.flip
        self._local = threading.local()

    def load(self, path: str) -> Loaded:
        """Read an image and run the test pipeline; any thread may call this.

        Raises:
            StoreError: If the image cannot be used; names it.
        """
        if not hasattr(self._local, "pipeline"):
            # Some of mmseg's transforms keep notes in themselves.
            self._local.pipeline = Compose(copy.deepcopy(self.pipeline))
        try:
            check_complete(path)
            data = self._local.pipeline({"img_path": path})
        except Exception as error:
            raise StoreError(f"{path}: {type(error).__name__}: {error}") from error
        if data is None:
            raise StoreError(f"{path}: the test pipeline gave nothing")
        return Loaded(data["inputs"], data["data_samples"])

    @torch.inference_mode()
    def __call__(self, images: Sequence[Loaded]) -> list[Labels]:
        """Label images of one size.

        Args:
            images: N images; after the test pipeline, all have the same size.

        Returns:
            N results on the network's device.
        """
        logits = [self._logits(images, flip) for flip in (False, True)[: 1 + self.flip]]
        return [self._label(logits, i, images[i].sample) for i in range(len(images))]

    def _logits(self, images: Sequence[Loaded], flip: bool) -> Tensor:
        """Of the images without padding, as they are: (N, C, h, w)."""
        inputs = [loaded.image.flip(-1) if flip else loaded.image for loaded in images]
        samples = [loaded.sample for loaded in images]
        batch = self.model.data_preprocessor(
            {"inputs": inputs, "data_samples": samples}, training=False
        )
        metas = [sample.metainfo for sample in batch["data_samples"]]
        logits = self.model.inference(batch["inputs"], metas)
        left, right, top, bottom = metas[0].get(
            "img_padding_size", metas[0].get("padding_size", (0, 0, 0, 0))
        )
        height, width = logits.shape[-2:]
        logits = logits[..., top : height - bottom, left : width - right]
        return logits.flip(-1) if flip else logits

    def _label(
        self, logits: Sequence[Tensor], index: int, sample: SegDataSample
    ) -> Labels:
        # One by one: at full size, a batch's probabilities can be larger than the rest.
        full = [
            resize(
                each[index : index + 1],
                size=sample.ori_shape,
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
        if len(full) == 1:
            best, classes = full[0].max(dim=0)
            confidence = (best - full[0].logsumexp(dim=0)).exp()
        else:
            probs = torch.stack([each.softmax(dim=0) for each in full]).mean(dim=0)
            confidence, classes = probs.max(dim=0)
        return Labels(classes.to(torch.uint8), confidence)
