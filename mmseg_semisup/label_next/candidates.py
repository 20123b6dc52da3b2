"""Lists the images that may be labelled next, and those that are labelled already."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmengine.config import Config
from mmseg.datasets import BaseSegDataset

from mmseg_semisup.composition.compose import COMPOSED
from mmseg_semisup.composition.data import (
    EXCLUDED,
    LABELED,
    UNLABELED,
    image_source,
    stated_images,
)
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.lists import IMAGE_SUFFIXES, strip_suffix
from mmseg_semisup.datasets.sources import (
    build_source,
    file_key,
    leaves,
    split_exclude,
    with_pipeline,
)
from mmseg_semisup.pseudo_masks.images import Item, list_items, training_sources


class Candidates(NamedTuple):
    """The images of a training.

    Attributes:
        unlabeled: Images without masks; those that are labelled, validated or tested
            are not among them.
        labeled: Labelled images; empty if the config has no training data.
        parts: The datasets of the labelled images.
    """

    unlabeled: list[Item]
    labeled: list[Item]
    parts: list[BaseSegDataset]

    def list_ids(self, images: Sequence[str]) -> list[str] | None:
        """Ids of images as a list of the labelled dataset names them.

        Args:
            images: Paths.

        Returns:
            Their ids, for ``--labeled``; None if an image lies outside of the labelled
            images' folder, or there are several such folders.
        """
        if len(self.parts) != 1:
            return None
        part = self.parts[0]
        ids = [_id_below(image, part) for image in images]
        return None if None in ids else [one for one in ids if one is not None]


def list_candidates(cfg: Config, images: Sequence[str] = ()) -> Candidates:
    """List the images of a training, or those of folders.

    Args:
        cfg: Config of a training, or a plain MMSegmentation config.
        images: Folders, image files and text files of image paths, in place of the
            unlabelled images of the config.

    Raises:
        ConfigError: If neither the config nor ``images`` names unlabelled images.
        DataError: If a source cannot be built, or no image is left.
    """
    sources = training_sources(cfg) if cfg.get("train_dataloader") else {}
    if not sources.get(LABELED) and sources.get("train"):
        sources = {LABELED: sources["train"]}
    known = (EXCLUDED,) if sources.get(LABELED) else ()
    if images:
        changes = stated_images(list(images))
        sources[UNLABELED] = image_source(cfg, changes, known)
    elif not sources.get(UNLABELED):
        source = (cfg.get(COMPOSED) or {}).get("source") or {}
        if source.get(UNLABELED) is None:
            raise ConfigError(
                "the config names no unlabelled images; name folders, files or lists: "
                "--images PATHS"
            )
        changes = stated_images(source[UNLABELED])
        sources[UNLABELED] = image_source(cfg, changes, known)
    data = Config(dict(train_dataloader=dict(dataset=dict(sources=sources))))
    unlabeled, _ = list_items(data, [UNLABELED])
    if not known:
        return Candidates(unlabeled, [], [])
    labeled, _ = list_items(data, [LABELED])
    return Candidates(unlabeled, labeled, _parts(sources[LABELED]))


def _parts(source: Mapping[str, Any]) -> list[BaseSegDataset]:
    bare = with_pipeline(split_exclude(source)[0], [])
    found = leaves(build_source(LABELED, bare))
    return [part for part in found if isinstance(part, BaseSegDataset)]


def _id_below(image: str, part: BaseSegDataset) -> str | None:
    folder = part.data_prefix.get("img_path")
    if not folder:
        return None
    below = os.path.relpath(file_key(image), os.path.realpath(folder))
    if below.startswith(os.pardir):
        return None
    suffixes = [part.img_suffix] if part.img_suffix else list(IMAGE_SUFFIXES)
    stem = strip_suffix(below, suffixes)
    return None if stem == below else stem.replace(os.sep, "/")
