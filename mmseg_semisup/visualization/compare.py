"""Draws predictions of several trained models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mmcv
import numpy as np
import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS

from mmseg_semisup.core.config_types import is_type
from mmseg_semisup.models.data_preprocessor import prepared_model
from mmseg_semisup.models.segmentors import SemiSegmentor
from mmseg_semisup.models.step.prediction import probabilities

from .panels import color_labels, color_map, overlay, stack_rows, titled_row


def compare(
    models: Mapping[str, tuple[Config, Mapping[str, Any]]],
    count: int = 6,
    images: Sequence[int] | None = None,
    photos: bool = True,
) -> np.ndarray:
    """Draw predictions and signal maps of models for validation images.

    Args:
        models: Title to the config of a training with ``SemiSegmentor`` and its
            checkpoint, as loaded. The first one's ``val_dataloader`` gives the images.
        count: Number of images, spread evenly over the validation list.
        images: Positions in the list, in place of ``count``.
        photos: Whether to show image and ground truth, and predictions over the image;
            without, the picture holds nothing of the data set.

    Returns:
        (H, W, 3), uint8, RGB: a row an image; columns image, ground truth, and for each
        model its prediction and its objectives' maps.

    Raises:
        ValueError: If a model is no ``SemiSegmentor``, or an image is not in the list.
    """
    first, _ = next(iter(models.values()))
    init_default_scope(first.get("default_scope", "mmseg"))
    dataset = DATASETS.build(first.val_dataloader.dataset)
    if images is None:
        places = np.linspace(0, len(dataset) - 1, min(count, len(dataset)))
        images = [int(place) for place in places]
    if max(images) >= len(dataset):
        raise ValueError(f"image {max(images)}: the list has {len(dataset)} images")
    samples = [dataset[i] for i in images]
    palette = dataset.metainfo["palette"]
    given = [_given(sample["data_samples"], palette) for sample in samples]
    rows = [dict(pictures) if photos else {} for pictures in given]
    for title, (cfg, checkpoint) in models.items():
        model = _load(title, cfg, checkpoint)
        for row, sample, pictures in zip(rows, samples, given, strict=True):
            image = pictures["image"] if photos else None
            row.update(_said(title, model, sample, image, palette))
    return stack_rows([titled_row(row) for row in rows])


def _load(title: str, cfg: Config, checkpoint: Mapping[str, Any]) -> SemiSegmentor:
    if not is_type(cfg.model, MODELS, SemiSegmentor):
        raise ValueError(f"{title}: model.type={cfg.model.type!r}, not SemiSegmentor")
    model = revert_sync_batchnorm(MODELS.build(prepared_model(cfg)))
    model.load_state_dict(checkpoint["state_dict"])
    model.configure_test(model.predict_with, signal_maps=True)
    return model.eval()


def _given(sample: Any, palette: list[list[int]]) -> dict[str, np.ndarray]:
    image = mmcv.imread(sample.img_path, channel_order="rgb")
    labels = sample.gt_sem_seg.data.squeeze(0).numpy()
    colored = color_labels(labels, palette)
    if colored.shape != image.shape:
        colored = mmcv.imresize(colored, image.shape[1::-1], interpolation="nearest")
    return {"image": image, "ground truth": overlay(image, colored)}


@torch.inference_mode()
def _said(
    title: str,
    model: SemiSegmentor,
    sample: dict[str, Any],
    image: np.ndarray | None,
    palette: list[list[int]],
) -> dict[str, np.ndarray]:
    batch = {key: [value] for key, value in sample.items()}
    (result,) = model.test_step(batch)
    labels = result.pred_sem_seg.data.squeeze(0).cpu().numpy()
    colored = color_labels(labels, palette)
    pictures = {title: colored if image is None else overlay(image, colored)}
    network = model.network(model.predict_with)
    probs = probabilities(network, result.seg_logits.data, dim=0)[None]
    for name in model.objective_maps(probs):
        values = getattr(result, name).data.squeeze(0).cpu().numpy()
        pictures[f"{name} ({title})"] = color_map(values)
    return pictures
