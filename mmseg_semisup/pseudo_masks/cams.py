"""Pseudo-masks of images of which only the classes are known.

Lai et al., CVPR 2021, section 3.5: the class activation maps of a classifier become
masks. Scales, flips and thresholds are those of the code of Ouali et al., CVPR 2020,
https://github.com/yassouali/CCT, which refines the masks by a dense CRF besides.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.distributed import on_main
from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.engine.hooks.architecture_hook import check_state
from mmseg_semisup.export.plain_model import dataset_meta
from mmseg_semisup.models.classifiers.activation_maps import (
    activation_maps,
    merge_maps,
    seed_labels,
)
from mmseg_semisup.visualization.palette import default_palette

from .generate import generate
from .image_labels import ImageLabels, weak_images
from .make import file_hash
from .network import ImageLoader, Labels, Loaded
from .settings import NETWORKS

PIPELINE = ({"type": "LoadImageFromFile"}, {"type": "PackSegInputs"})


@dataclass(frozen=True)
class CamSettings:
    """How class activation maps become masks.

    Attributes:
        network: 'student' or 'teacher'; None: the one that the config predicts with.
        sources: Whose images get masks; each must know its images' classes.
        scales: Of the images, relative to their files; the maps are added up.
        flip: Whether the mirror images' maps are added, too.
        foreground: A pixel whose highest activation exceeds this gets the class.
        background: One whose highest activation is below this is background.
        background_class: Name of the class that has no map; None: there is none, and
            pixels of low activation are ignored.
        confidence: Whether the activation is stored, too, in 8 bits.
        batch_size: At most so many images of one size go through the network at once.
        threads: That load images, and again as many that write masks.

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
    threads: int = 4

    def __post_init__(self) -> None:
        """Check the values."""
        if self.network not in (None, *NETWORKS):
            raise StoreError(f"network={self.network!r}; allowed: {NETWORKS}")
        if not self.scales or min(self.scales) <= 0:
            raise StoreError(f"scales={list(self.scales)}; allowed: numbers above 0")
        if not 0 <= self.background <= self.foreground <= 1:
            raise StoreError(
                f"background={self.background}, foreground={self.foreground}; allowed: "
                "0 <= background <= foreground <= 1"
            )
        for name in ("batch_size", "threads"):
            if getattr(self, name) < 1:
                raise StoreError(f"{name}={getattr(self, name)!r}; allowed: 1, 2, ...")

    def what_counts(self) -> dict[str, Any]:
        """What the masks depend on, without what only changes speed, for JSON."""
        values = {k: v for k, v in vars(self).items() if k != "threads"}
        return values | {"sources": list(self.sources), "scales": list(self.scales)}


class CamPredictor:
    """A classifier that labels the pixels of images whose classes are known.

    Args:
        cfg: Config of a training with a ``MultiLabelMeanTeacher``.
        checkpoint: Its checkpoint, as loaded.
        settings: How maps become masks.
        labels: Which classes each image shows.
        classes: Names of the masks' classes, in order.
        palette: Their colours; None: some.
        device: Where to run.

    Raises:
        StoreError: If there is no classifier, or it does not know a class.
        ValueError: If config and checkpoint do not fit each other.
    """

    def __init__(
        self,
        cfg: Config,
        checkpoint: Mapping[str, Any],
        settings: CamSettings,
        labels: ImageLabels,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]] | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        init_default_scope(cfg.get("default_scope", "mmseg"))
        if "classifier" not in cfg.model:
            raise StoreError(
                f"model.type={cfg.model.type!r} has no classifier; class activation "
                "maps are those of a MultiLabelMeanTeacher"
            )
        self.classes = list(classes)
        self.palette = [list(c) for c in palette or default_palette(len(classes))]
        self.labels = labels
        self.settings = settings
        self.background = None
        if settings.background_class in self.classes:
            self.background = self.classes.index(settings.background_class)
        own = dataset_meta(checkpoint, cfg)["classes"]
        self.rows = torch.tensor(self._rows(own), device=device)
        model_cfg = copy.deepcopy(cfg.model)
        # The weights are the checkpoint's.
        model_cfg.classifier.backbone.init_cfg = None
        model = revert_sync_batchnorm(MODELS.build(model_cfg))
        state = dict(checkpoint["state_dict"])
        check_state(model, state)
        model.load_state_dict(state)
        self.model = model.to(device).eval()
        self.network = model.network(settings.network or model.predict_with)
        # What the store notes of how its masks were made.
        self.test_cfg = {"maps": "class activation", "image labels": labels.digest()}
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

    def load(self, path: str) -> Loaded:
        """Read an image and the classes that it shows; any thread may call this.

        Raises:
            StoreError: If one of them cannot be used; names it.
        """
        loaded = self._load(path)
        present = self.labels.of(path, tuple(loaded.sample.ori_shape))
        if self.background is not None:
            present[self.background] = 0
        loaded.sample.set_data({"present": present})
        return loaded

    @torch.inference_mode()
    def logits(self, images: Sequence[Loaded]) -> list[Tensor]:
        """The maps of images of one size.

        Args:
            images: N images.

        Returns:
            For each scale and flip, maps (N, C, h, w), turned back, and 0 for classes
            that an image does not show.
        """
        inputs = [loaded.image for loaded in images]
        batch = self.model.data_preprocessor(
            {"inputs": inputs, "data_samples": [loaded.sample for loaded in images]},
            training=False,
        )
        height, width = inputs[0].shape[-2:]
        present = torch.stack([loaded.sample.present for loaded in images])
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
            logits: What :meth:`logits` returned.
            index: Number of the image in the batch.
            size: Height and width of its file.

        Returns:
            Classes, 255 where ignored, and activation, on the network's device.
        """
        maps = merge_maps([each[index] for each in logits], size)
        settings = self.settings
        return Labels(
            *seed_labels(
                maps, settings.foreground, settings.background, self.background
            )
        )


def make_cam_masks(
    cfg: Config,
    checkpoint: str | Path,
    folder: str | Path,
    settings: CamSettings,
    data_cfg: Config | None = None,
    device: str | torch.device = "cpu",
    trust: bool = False,
    report: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Label images of known classes with a classifier.

    Args:
        cfg: The classifier's config.
        checkpoint: Its checkpoint.
        folder: Of the store.
        settings: How maps become masks.
        data_cfg: Config whose sources are labelled, and whose labelled source says
            which classes the masks have; None: ``cfg``.
        device: Where the network runs.
        trust: As in :func:`load_checkpoint_file`.
        report: Is called with a line of progress now and then.

    Returns:
        The manifest.

    Raises:
        ValueError: If config, checkpoint, images and folder do not fit each other; the
            message names what does not.
    """
    digest = on_main(lambda: file_hash(checkpoint))
    content = load_checkpoint_file(checkpoint, trust=trust)
    items, labels = weak_images(data_cfg or cfg, settings.sources)
    predictor = CamPredictor(
        cfg, content, settings, labels, labels.classes, labels.palette, device
    )
    return generate(predictor, items, folder, settings, digest, report)
