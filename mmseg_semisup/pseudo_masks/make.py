"""Makes a store of pseudo-masks from a config and its checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.distributed import on_main
from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.core.plain_files import open_plain
from mmseg_semisup.datasets.pseudo_mask_store import check_classes

from .cams import CamPredictor, CamSettings
from .generate import generate
from .images import Item, list_items
from .network import BatchPredictor
from .settings import Settings


def make_pseudo_masks(
    cfg: Config,
    checkpoint: str | Path,
    folder: str | Path,
    settings: Settings | CamSettings,
    data_cfg: Config | None = None,
    items: Sequence[Item] | None = None,
    device: str | torch.device = "cpu",
    trust: bool = False,
    report: Callable[[str], None] | None = None,
    expected_hash: str | None = None,
) -> dict[str, Any]:
    """Label the images of a training with a trained network.

    Args:
        cfg: The network's config: of a training, or a plain MMSegmentation config.
        checkpoint: Its checkpoint.
        folder: Folder of the store.
        settings: Settings of masks from a segmentor's probabilities, or from a
            classifier's activation maps.
        data_cfg: Config whose sources are labelled; None: ``cfg``.
        items: The images, in place of those of ``settings.sources``.
        device: Where the network runs.
        trust: As in :func:`load_checkpoint_file`.
        report: Called with a line of progress at intervals.
        expected_hash: The SHA-256 that the checkpoint must have; None: any.

    Returns:
        The manifest.

    Raises:
        ValueError: If config, checkpoint, images and folder do not fit each other; the
            message names the contradiction.
    """
    digest = on_main(lambda: file_hash(checkpoint))
    if expected_hash not in (None, digest):
        raise StoreError(
            f"{checkpoint} is not the file that it was: its SHA-256 is {digest} and "
            f"was {expected_hash}"
        )
    predictor, items = load_predictor(
        cfg, checkpoint, settings, data_cfg, items, device, trust
    )
    return generate(predictor, items, folder, settings, digest, report)


def load_predictor(
    cfg: Config,
    checkpoint: str | Path,
    settings: Settings | CamSettings,
    data_cfg: Config | None = None,
    items: Sequence[Item] | None = None,
    device: str | torch.device = "cpu",
    trust: bool = False,
) -> tuple[BatchPredictor | CamPredictor, Sequence[Item]]:
    """Load the network and list the images; see :func:`make_pseudo_masks`."""
    state = load_checkpoint_file(checkpoint, trust=trust)
    meta: Any = {}
    if items is None:
        items, meta = list_items(data_cfg or cfg, settings.sources)
    if isinstance(settings, CamSettings):
        return CamPredictor(cfg, state, settings, items, meta, device), items
    predictor = BatchPredictor(cfg, state, settings, device)
    check_classes(predictor.classes, meta.get("classes") or (), str(checkpoint))
    return predictor, items


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with open_plain(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
