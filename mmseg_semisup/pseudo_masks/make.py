"""From a config and its checkpoint to a store of pseudo-masks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmseg_semisup.datasets.lists import some
from mmseg_semisup.engine.checkpoint import load_checkpoint_file
from mmseg_semisup.engine.together import on_main

from .errors import StoreError
from .generate import generate
from .images import Item, list_items
from .network import BatchPredictor
from .settings import Settings


def make_pseudo_masks(
    cfg: Config,
    checkpoint: str | Path,
    folder: str | Path,
    settings: Settings,
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
        folder: Of the store.
        settings: How the masks are made.
        data_cfg: Config whose sources are labelled; None: ``cfg``.
        items: The images, in place of those of ``settings.sources``.
        device: Where the network runs.
        trust: As in :func:`load_checkpoint_file`.
        report: Is called with a line of progress now and then.
        expected_hash: The SHA-256 that the checkpoint must have; None: any.

    Returns:
        The manifest.

    Raises:
        ValueError: If config, checkpoint, images and folder do not fit each other; the
            message names what does not.
    """
    path = Path(checkpoint)
    digest = on_main(lambda: file_hash(path))
    if expected_hash not in (None, digest):
        raise StoreError(
            f"{path} is not the file that it was: its SHA-256 is {digest} and was "
            f"{expected_hash}"
        )
    predictor = BatchPredictor(
        cfg, load_checkpoint_file(path, trust=trust), settings, device
    )
    if items is None:
        items, classes = list_items(data_cfg or cfg, settings.sources)
        check_classes(predictor.classes, classes, str(path))
    return generate(predictor, items, folder, settings, digest, report)


def check_classes(own: Sequence[str], labeled: Sequence[str], what: str) -> None:
    """Raise StoreError unless two lists of class names are equal.

    Args:
        own: Names of a network's or store's classes.
        labeled: Names of the labelled source's classes; empty: not known.
        what: The network or store, for the message.
    """
    own, labeled = list(own), list(labeled)
    if not labeled or own == labeled:
        return
    differing = [
        f"{i}: {a!r} instead of {b!r}"
        for i, (a, b) in enumerate(zip(own, labeled, strict=False))
        if a != b
    ]
    if len(own) != len(labeled):
        differing.append(f"{len(own)} classes instead of {len(labeled)}")
    raise StoreError(
        f"{what} has other classes than the labelled images: {some(differing)}"
    )


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
