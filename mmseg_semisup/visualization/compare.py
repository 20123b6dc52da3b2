"""Draws predictions of several trained models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS

from mmseg_semisup.core.config_types import is_type
from mmseg_semisup.datasets.read_image import read_picture
from mmseg_semisup.engine.hooks.architecture_hook import check_state
from mmseg_semisup.models.data_preprocessor import prepared_model
from mmseg_semisup.models.segmentors import SemiSegmentor
from mmseg_semisup.models.step.prediction import probabilities

from .legend import class_entries, finish_picture, with_score
from .panels import color_map, paint, titled_row


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
        model its prediction, with the mean IoU of the image, and its objectives' maps.
        Below them the legend of the classes and the scale of the maps.

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
    classes, palette = (dataset.metainfo[key] for key in ("classes", "palette"))
    scenes = [_Scene(sample, palette, photos) for sample in samples]
    maps: dict[str, None] = {}
    for title, (cfg, checkpoint) in models.items():
        model = _load(title, cfg, checkpoint)
        for scene in scenes:
            maps.update(dict.fromkeys(scene.add(title, model)))
    labels = [labels for scene in scenes for labels in scene.labels]
    rows = [titled_row(scene.pictures) for scene in scenes]
    return finish_picture(rows, class_entries(classes, palette, labels), list(maps))


def _load(title: str, cfg: Config, checkpoint: Mapping[str, Any]) -> SemiSegmentor:
    if not is_type(cfg.model, MODELS, SemiSegmentor):
        raise ValueError(f"{title}: model.type={cfg.model.type!r}, not SemiSegmentor")
    model = revert_sync_batchnorm(MODELS.build(prepared_model(cfg)))
    check_state(model, checkpoint["state_dict"], name=f"{title}'s checkpoint")
    model.load_state_dict(checkpoint["state_dict"])
    model.configure_test(model.predict_with, signal_maps=True)
    return model.eval()


class _Scene:
    """A row of the picture.

    Args:
        sample: A sample of the validation data.
        palette: Colours of the classes.
        photos: Whether to show the image and the ground truth.
    """

    def __init__(
        self, sample: dict[str, Any], palette: list[list[int]], photos: bool
    ) -> None:
        self.sample = sample
        self.palette = palette
        truth = sample["data_samples"].gt_sem_seg.data.squeeze(0).numpy()
        self.truth = truth
        self.labels: list[np.ndarray] = []
        self.pictures: dict[str, np.ndarray] = {}
        self.image: np.ndarray | None = None
        if photos:
            path = sample["data_samples"].img_path
            image = read_picture(path)
            self.image = image
            self.pictures["image"] = image
            self.pictures["ground truth"] = paint(truth, palette, image)
            self.labels.append(truth)

    @torch.inference_mode()
    def add(self, title: str, model: SemiSegmentor) -> list[str]:
        """Add the pictures of a model; returns the names of its maps."""
        batch = {key: [value] for key, value in self.sample.items()}
        (result,) = model.test_step(batch)
        labels = result.pred_sem_seg.data.squeeze(0).cpu().numpy()
        self.labels.append(labels)
        scored = with_score(title, labels, self.truth, len(self.palette))
        self.pictures[scored] = paint(labels, self.palette, self.image)
        network = model.network(model.predict_with)
        probs = probabilities(network, result.seg_logits.data, dim=0)[None]
        names = list(model.objective_maps(probs))
        for name in names:
            values = getattr(result, name).data.squeeze(0).cpu().numpy()
            self.pictures[f"{name} ({title})"] = color_map(values)
        return names
