"""Writes the folder of a published network."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.plain_files import read_plain
from mmseg_semisup.export.plain_model import export

from .card import model_card
from .facts import collect

CARD, SUMS = "README.md", "SHA256SUMS"
ENCODERS = "TransformersBackbone"


def publish(
    cfg: Config,
    checkpoint: dict[str, Any],
    work_dir: Path,
    out_dir: Path,
    network: str,
    title: str,
    licence: str = "",
) -> list[Path]:
    """Write weights, config, model card and checksums.

    Args:
        cfg: Config of the training.
        checkpoint: Its checkpoint, as loaded.
        work_dir: Folder of the training's logs.
        out_dir: The folder to write.
        network: Name of the network.
        title: Name of the published model.
        licence: The hub's identifier of its licence; '' if none is chosen.

    Returns:
        The files.

    Raises:
        ConfigError: If config or checkpoint lack the network, or do not fit each other.
        WriteError: If a file cannot be written.
    """
    facts = collect(cfg, checkpoint, work_dir, network)
    exported = export(cfg, checkpoint, out_dir, network)
    files = [exported.config, exported.checkpoint]
    sums = {path.name: sha256(path) for path in files}
    card = model_card(
        facts,
        title,
        sums,
        licence,
        own_parts=bool(exported.own_parts),
        with_package=" and transformers" if ENCODERS in exported.own_parts else "",
    )
    atomic_write(out_dir / CARD, card.encode())
    sums[CARD] = sha256(out_dir / CARD)
    lines = (f"{value}  {name}\n" for name, value in sums.items())
    atomic_write(out_dir / SUMS, "".join(lines).encode())
    return [*files, out_dir / CARD, out_dir / SUMS]


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(read_plain(path)).hexdigest()
