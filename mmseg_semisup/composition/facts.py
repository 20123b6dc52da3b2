"""Facts of a plain config that the model of a block names in braces."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmseg.registry import DATASETS, MODELS

from mmseg_semisup.core.config_types import argument, is_type, type_of
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.text import suggest
from mmseg_semisup.datasets.sources import config_leaves, config_pipelines
from mmseg_semisup.models.backbones import TransformersBackbone
from mmseg_semisup.models.data_preprocessor import KEY as PREPROCESSOR
from mmseg_semisup.models.data_preprocessor import PADDING

from .pipelines import divide

BACKGROUND = "background"
PATCH = 14
"""Side of a patch of DINOv2, in pixels."""
STAGE_WORDS = ("pseudo_masks",)
"""Words in braces that the stages fill in."""


class PlainFacts:
    """Facts of a plain config; each is looked up when it is asked for.

    Args:
        plain: Content of the plain config; it stays as it is.
        block: The method, which may limit the size of the images.
    """

    def __init__(self, plain: Mapping[str, Any], block: Mapping[str, Any]) -> None:
        self.plain = plain
        self.limit = block.get("image_size")
        self.known: dict[str, Callable[[], Any]] = {
            "segmentor": self.segmentor,
            "backbone": self.backbone,
            "preprocessor": self.preprocessor,
            "classes": self.classes,
            "num_classes": lambda: len(self.classes()),
            "background": self.background,
            "ignore_index": self.ignore_index,
            "size": self.size,
            "scale": lambda: self.size()[::-1],
        }

    def filled(self, node: Any) -> Any:
        """Replace the names in braces by the facts.

        Args:
            node: A part of a block; it stays as it is.

        Raises:
            ConfigError: If a name is unknown, or the config does not have the fact.
        """
        if isinstance(node, Mapping):
            return {key: self.filled(value) for key, value in node.items()}
        if isinstance(node, (list, tuple)):
            return type(node)(self.filled(value) for value in node)
        word = node[1:-1] if isinstance(node, str) and node.startswith("{") else ""
        if not word.isidentifier() or word in STAGE_WORDS or node != f"{{{word}}}":
            return node
        if word not in self.known:
            hint = suggest(word, list(self.known), cutoff=0.6)
            raise ConfigError(
                f"method: there is no {node}; {hint}there are "
                + ", ".join(f"{{{name}}}" for name in self.known)
            )
        return copy.deepcopy(self.known[word]())

    def segmentor(self) -> dict[str, Any]:
        """The segmentor with the preprocessor that it uses."""
        return own_segmentor(self.plain)

    def backbone(self) -> dict[str, Any]:
        """The segmentor's backbone with its pretrained weights."""
        segmentor = self.plain["model"]
        backbone = segmentor.get("backbone")
        if not isinstance(backbone, Mapping):
            raise ConfigError(
                f"method: it needs a backbone for a network of its own, but "
                f"model.type={segmentor.get('type')!r} has no `backbone`"
            )
        if segmentor.get("pretrained") is not None:
            return {**backbone, "pretrained": segmentor["pretrained"]}
        return dict(backbone)

    def preprocessor(self) -> dict[str, Any]:
        """The segmentor's preprocessor without padding."""
        own = self.segmentor().get(PREPROCESSOR) or {}
        return {k: v for k, v in own.items() if k not in (*PADDING, "test_cfg")}

    def classes(self) -> list[str]:
        """Names of the classes, from the training dataset or its class."""
        dataset = config_leaves(self.plain["train_dataloader"]["dataset"])[0]
        registered = getattr(type_of(dataset, DATASETS), "METAINFO", None) or {}
        stated = (dataset.get("metainfo") or {}).get("classes")
        for names in (stated, dataset.get("classes"), registered.get("classes")):
            if isinstance(names, Sequence) and not isinstance(names, str) and names:
                return list(names)
        raise ConfigError(
            f"method: it needs the names of the classes, but {dataset.get('type')} has "
            "none; set train_dataloader.dataset.metainfo=dict(classes=[...])"
        )

    def background(self) -> str | None:
        """Name of the background class; None: there is none."""
        return BACKGROUND if BACKGROUND in self.classes() else None

    def ignore_index(self) -> int:
        """Label of pixels that do not count."""
        dataset = config_leaves(self.plain["train_dataloader"]["dataset"])[0]
        stated = argument(dataset, DATASETS, "ignore_index")
        return 255 if stated is None else stated

    def size(self) -> tuple[int, int]:
        """Height and width of the images: of the crop, but at most the block's."""
        steps = config_pipelines(self.plain["train_dataloader"]["dataset"])[0]
        crop = divide(steps).crop_size
        if crop is None and self.limit is None:
            raise ConfigError(
                "method: it needs the size of the labelled crops, but the training "
                "pipeline has no RandomCrop; add one"
            )
        limit: int = self.limit or max(crop or ())
        backbone = self.plain["model"].get("backbone")
        if is_type(backbone, MODELS, TransformersBackbone):
            # DINOv2 takes whole patches only, and so does the crop that suits it.
            crops_of_14 = crop is None or all(side % PATCH == 0 for side in crop)
            limit = limit // PATCH * PATCH if crops_of_14 else limit
        height, width = crop or (limit, limit)
        return (min(height, limit), min(width, limit))


def own_segmentor(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The segmentor of a plain config, with the preprocessor that it uses.

    Args:
        plain: Content of the config; it stays as it is.
    """
    segmentor = copy.deepcopy(dict(plain["model"]))
    top = plain.get(PREPROCESSOR)
    if top is not None and segmentor.get(PREPROCESSOR) is None:
        segmentor[PREPROCESSOR] = copy.deepcopy(dict(top))
    return segmentor
