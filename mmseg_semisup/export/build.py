"""Builds plain segmentors for prediction, and prepares batches for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel, revert_sync_batchnorm
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_semisup.engine.hooks.architecture_hook import check_state

NO_PADDING = (0, 0, 0, 0)


def build_network(
    cfg: Mapping[str, Any], state: dict[str, Tensor], device: str | torch.device
) -> BaseModel:
    """Build a model for prediction, with given weights.

    Args:
        cfg: Config of the model.
        state: All of its weights.
        device: Where to run.

    Raises:
        ConfigError: If weights and model do not fit each other.
    """
    model = revert_sync_batchnorm(MODELS.build(ConfigDict(cfg)))
    check_state(model, state)
    model.load_state_dict(state)
    return model.to(device).eval()


def preprocess(
    model: BaseModel, images: Sequence[Mapping[str, Any]], flip: bool = False
) -> dict[str, Any]:
    """Make a batch with a model's ``data_preprocessor``.

    Args:
        model: The model.
        images: N images of one size, as a test pipeline gives them.
        flip: Whether to take the mirror images.
    """
    batch = pseudo_collate(images)
    if flip:
        batch["inputs"] = [image.flip(-1) for image in batch["inputs"]]
    return model.data_preprocessor(batch, training=False)


def unpadded_logits(
    model: Any, images: Sequence[Mapping[str, Any]], flip: bool = False
) -> Tensor:
    """Logits of images of one size, without padding.

    Args:
        model: A segmentor; its ``test_cfg`` decides on sliding windows.
        images: N images, as a test pipeline gives them.
        flip: Whether to predict the mirror images, and to flip their logits back.

    Returns:
        (N, C, h, w), float, on the model's device.
    """
    batch = preprocess(model, images, flip)
    metas = [sample.metainfo for sample in batch["data_samples"]]
    logits = without_padding(model.inference(batch["inputs"], metas), metas[0])
    return logits.flip(-1) if flip else logits


def without_padding(maps: Tensor, meta: Mapping[str, Any]) -> Tensor:
    """Cut off what the preprocessor has added to images of one size.

    Args:
        maps: (N, C, H, W), at the size of the batch.
        meta: Meta information of one of the images.
    """
    left, right, top, bottom = meta.get(
        "img_padding_size", meta.get("padding_size", NO_PADDING)
    )
    height, width = maps.shape[-2:]
    return maps[..., top : height - bottom, left : width - right]
