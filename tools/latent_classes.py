"""Draws the latent classes of a checkpoint, and lists the classes that they group."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import add_trust_argument, run_tool
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.visualization.latent_classes import (
    describe,
    draw_samples,
    draw_table,
    find_latent_classes,
)
from mmseg_semisup.visualization.panels import write_picture


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of the training")
    parser.add_argument("checkpoint", help="its checkpoint")
    parser.add_argument(
        "--out", required=True, metavar="FOLDER", help="folder to write"
    )
    parser.add_argument(
        "--count", type=int, default=6, help="number of validation images"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.5,
        help="P(l|c) above which a class belongs to a latent class (default: 0.5)",
    )
    parser.add_argument(
        "--no-photos",
        action="store_true",
        help="leave out images and true masks, for publication",
    )
    add_trust_argument(parser)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    cfg = load_config(args.config)
    checkpoint = load_checkpoint_file(args.checkpoint, trust=args.trust_checkpoint)
    init_default_scope(cfg.get("default_scope", "mmseg"))
    model = revert_sync_batchnorm(MODELS.build(cfg.model))
    objective = find_latent_classes(model)
    model.load_state_dict(checkpoint["state_dict"])
    loader = Runner.build_dataloader(cfg.val_dataloader)
    classes = loader.dataset.metainfo["classes"]
    print(describe(objective.table(), classes, args.threshold))
    used = {name: int(value) for name, value in objective.used().items()}
    print(", ".join(f"{name}: {value}" for name, value in used.items()))
    pictures = {
        "latent_table.png": draw_table(objective.table(), classes),
        "latent_classes.png": draw_samples(
            model.eval(), loader, args.count, not args.no_photos, args.threshold
        ),
    }
    for name, picture in pictures.items():
        write_picture(picture, Path(args.out) / name)


if __name__ == "__main__":
    run_tool(main)
