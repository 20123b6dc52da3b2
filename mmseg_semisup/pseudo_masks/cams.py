"""Makes pseudo-masks from image labels and class activation maps.

Lai et al., CVPR 2021, section 3.5: the class activation maps of a classifier become
masks. Scales, flips and thresholds are those of the code of Ouali et al., CVPR 2020,
https://github.com/yassouali/CCT, which also refines the masks by a dense CRF.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from torch import Tensor

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.core.palette import class_palette
from mmseg_semisup.core.text import shorten
from mmseg_semisup.export.build import build_network, preprocess
from mmseg_semisup.export.plain_model import dataset_meta
from mmseg_semisup.models.classifiers.activation_maps import (
    activation_maps,
    merge_maps,
    seed_labels,
)
from mmseg_semisup.models.data_preprocessor import prepared_model
from mmseg_semisup.models.network_names import STUDENT, TEACHER

from .images import Item
from .network import ImageLoader, Labels
from .settings import CHECKPOINTS, check_options, check_scales, check_values
from .statistics import IGNORED, load_truth

PIPELINE = ({"type": "LoadImageFromFile"}, {"type": "PackSegInputs"})


@dataclass(frozen=True)
class CamSettings:
    """Settings of the conversion from class activation maps to masks.

    Attributes:
        network: 'student' or 'teacher'; None: the one that the config predicts with.
        sources: Sources whose images get masks; their images must have labels or masks.
        scales: Scales of the images, relative to their files; the maps are added up.
        flip: Whether the mirror images' maps are added, too.
        foreground: A pixel whose highest activation exceeds this gets the class.
        background: A pixel whose highest activation is below this is background.
        background_class: Name of the class that has no map; None: there is none, and
            pixels of low activation are ignored.
        confidence: Whether the activation is stored, too, in 8 bits.
        batch_size: Greatest number of images of one size in a pass of the network.
        checkpoint: For a stage: the 'last' or the 'best' checkpoint of the stage
            before.
        threads: Number of threads that load images, and of those that write masks.

    Raises:
        StoreError: If a value is not allowed.
    """

    network: str | None = None
    sources: Sequence[str] = ("weak",)
    scales: Sequence[float] = (1.0, 0.5, 1.5, 2.0)
    flip: bool = True
    foreground: float = 0.3
    background: float = 0.05
    background_class: str | None = "background"
    confidence: bool = False
    batch_size: int = 8
    checkpoint: str = "last"
    threads: int = 4

    def __post_init__(self) -> None:
        """Check the values."""
        networks = (None, STUDENT, TEACHER)
        check_values(self, network=networks, checkpoint=CHECKPOINTS)
        check_scales(self.scales)
        if not 0 <= self.background <= self.foreground <= 1:
            raise StoreError(
                f"background={self.background}, foreground={self.foreground}; allowed: "
                "0 <= background <= foreground <= 1"
            )

    def what_counts(self) -> dict[str, Any]:
        """The settings that the masks depend on, without those of speed."""
        rest = ("threads", "checkpoint")
        return {k: v for k, v in vars(self).items() if k not in rest}

    def stated(self) -> dict[str, Any]:
        """The settings, for a record."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> CamSettings:
        """Settings from a config.

        Raises:
            StoreError: If a key does not exist or a value is not allowed.
        """
        check_options(cls, options)
        return cls(**options)


class CamPredictor:
    """A classifier that labels the pixels of images whose classes are known.

    Args:
        cfg: Config of a training with a ``MultiLabelMeanTeacher``.
        checkpoint: Its checkpoint, as loaded.
        settings: Settings of the conversion.
        items: The images, with their labels or masks.
        meta: ``classes`` of the masks in order, and perhaps their ``palette``.
        device: Where to run.

    Raises:
        StoreError: If there is no classifier, it lacks a class, or an image has neither
            labels nor a mask.
        ValueError: If config and checkpoint do not fit each other.
    """

    def __init__(
        self,
        cfg: Config,
        checkpoint: Mapping[str, Any],
        settings: CamSettings,
        items: Sequence[Item],
        meta: Mapping[str, Any],
        device: str | torch.device = "cpu",
    ) -> None:
        init_default_scope(cfg.get("default_scope", "mmseg"))
        self.classes = list(meta.get("classes") or ())
        palette = meta.get("palette") or class_palette(self.classes)
        self.palette = [list(color) for color in palette]
        self.settings = settings
        check_labels_known(items, self.classes)
        if "classifier" not in cfg.model:
            raise StoreError(
                f"model.type={cfg.model.type!r} has no classifier; class activation "
                "maps are those of a MultiLabelMeanTeacher"
            )
        self.background = None
        if settings.background_class in self.classes:
            self.background = self.classes.index(settings.background_class)
        own = dataset_meta(checkpoint, cfg)["classes"]
        self.rows = torch.tensor(self._rows(own), device=device)
        model_cfg = ConfigDict(prepared_model(cfg))
        # The checkpoint replaces the initial weights.
        model_cfg.classifier.backbone.init_cfg = None
        self.model = build_network(model_cfg, dict(checkpoint["state_dict"]), device)
        self.network = self.model.network(settings.network or self.model.predict_with)
        # For the manifest of the store.
        self.test_cfg = {"maps": "class activation", "image labels": digest(items)}
        self.pipeline = [dict(step) for step in PIPELINE]
        self._load = ImageLoader(self.pipeline)

    def _rows(self, own: Sequence[str]) -> list[int]:
        """The classifier's number of each of the masks' classes."""
        needed = [c for i, c in enumerate(self.classes) if i != self.background]
        missing = [name for name in needed if name not in own]
        if missing:
            raise StoreError(
                f"the classifier does not know the classes {missing}, so there are no "
                f"maps of them; it knows {list(own)}"
            )
        return [own.index(name) if name in own else 0 for name in self.classes]

    def load(self, item: Item) -> dict[str, Any]:
        """Read an image and the classes that it shows; any thread may call this.

        Raises:
            StoreError: If one of them cannot be used; the message names it.
        """
        loaded = self._load(item.image)
        sample = loaded["data_samples"]
        present = torch.zeros(len(self.classes))
        names = shown_classes(item, tuple(sample.ori_shape))
        present[[self.classes.index(name) for name in names]] = 1
        if self.background is not None:
            present[self.background] = 0
        sample.set_data({"present": present})
        return loaded

    @torch.inference_mode()
    def logits(self, images: Sequence[Mapping[str, Any]]) -> list[Tensor]:
        """Compute the activation maps of images of one size.

        Args:
            images: N images.

        Returns:
            Maps (N, C, h, w) of each scale and flip; those of mirror images are flipped
            back, and classes that an image does not show are 0.
        """
        batch = preprocess(self.model, images)
        height, width = images[0]["inputs"].shape[-2:]
        present = torch.stack([image["data_samples"].present for image in images])
        present = present.to(self.rows.device)[:, :, None, None]
        maps = []
        for scale in self.settings.scales:
            size = [max(round(scale * length), 1) for length in (height, width)]
            scaled = F.interpolate(
                batch["inputs"][..., :height, :width],
                size=size,
                mode="bilinear",
                align_corners=False,
                antialias=True,
            )
            maps.append(self._maps(scaled) * present)
            if self.settings.flip:
                maps.append(self._maps(scaled.flip(-1)).flip(-1) * present)
        return maps

    def _maps(self, images: Tensor) -> Tensor:
        weight = self.network.fc.weight[self.rows]
        return activation_maps(self.network.features(images), weight)

    @torch.inference_mode()
    def label(
        self, logits: Sequence[Tensor], index: int, size: tuple[int, int]
    ) -> Labels:
        """Label one image; any thread may call this.

        Args:
            logits: The result of :meth:`logits`.
            index: Number of the image in the batch.
            size: Height and width of its file.

        Returns:
            Classes, 255 where ignored, and activation, on the network's device.
        """
        maps = merge_maps([each[index] for each in logits], size)
        limits = self.settings.foreground, self.settings.background
        return Labels(*seed_labels(maps, *limits, self.background))


def check_labels_known(items: Sequence[Item], classes: Sequence[str]) -> None:
    """Raise StoreError for an image without labels, and for an unknown class.

    Args:
        items: The images.
        classes: Names of the masks' classes.
    """
    unlabeled = [
        item.image
        for item in items
        if "present_classes" not in item.info and not item.info.get("seg_map_path")
    ]
    if unlabeled:
        raise StoreError(
            f"no labels are known of the images {shorten(unlabeled)}; use a source of "
            "the type WeakLabelDataset, or one with masks"
        )
    unknown = sorted({n for item in items for n in item.classes} - set(classes))
    if unknown:
        raise StoreError(
            f"image labels name the classes {unknown}; the masks have {list(classes)}"
        )


def shown_classes(item: Item, size: tuple[int, int]) -> list[str]:
    """Names of the classes that an image shows, by its weak label or its own mask.

    Args:
        item: The image.
        size: Height and width of the image and of its mask.

    Raises:
        StoreError: If its mask cannot be used.
    """
    present = item.info.get("present_classes")
    if present is None:
        truth = load_truth(item, size, len(item.classes))
        if truth is None:
            raise StoreError(f"{item.image}: neither image labels nor a mask")
        present = truth.unique().tolist()
    return [item.classes[number] for number in present if number != IGNORED]


def digest(items: Sequence[Item]) -> str:
    """SHA-256 of the images' labels, in hexadecimal digits."""
    parts = [
        (
            os.path.basename(item.info["img_path"]),
            [item.classes[n] for n in item.info["present_classes"]]
            if "present_classes" in item.info
            else os.path.basename(item.info["seg_map_path"]),
        )
        for item in items
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
