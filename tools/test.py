"""Tests a checkpoint on the test data of a config.

A FusedSegmentor is tested with and without its classifier. If its config names the
checkpoints of both, no other is given. With --source, the images of a training source
are tested in place of the test data.
"""

from __future__ import annotations

import argparse

from mmengine.config import Config

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import (
    add_common_arguments,
    choose_network,
    run_tool,
    save_predictions,
    set_launcher,
    set_work_dir,
    show_predictions,
    use_augmentation,
)
from mmseg_semisup.core.checkpoint import use_safe_checkpoints
from mmseg_semisup.core.config import find_config
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.sources import evaluate_source
from mmseg_semisup.engine.resume import set_checkpoint
from mmseg_semisup.engine.runner import build_runner
from mmseg_semisup.export.plain_model import is_fused


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="path of a config, or name of a shipped one")
    parser.add_argument("checkpoint", nargs="?", help="checkpoint file")
    parser.add_argument("--work-dir", help="folder for logs and metrics")
    parser.add_argument(
        "--network",
        action="append",
        metavar="NAME",
        help="student, teacher, or another of model.networks; given several times: the "
        "mean of their probabilities; default: the config's",
    )
    parser.add_argument(
        "--source",
        metavar="NAME",
        help="test on the images of this source of train_dataloader, such as labeled",
    )
    parser.add_argument("--out", metavar="DIR", help="folder for predicted label maps")
    parser.add_argument("--show", action="store_true", help="show painted images")
    parser.add_argument("--show-dir", metavar="DIR", help="folder for painted images")
    parser.add_argument(
        "--wait-time", type=float, default=2, help="duration of each image, in seconds"
    )
    parser.add_argument(
        "--tta", action="store_true", help="test with the config's augmentations"
    )
    add_common_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    path = find_config(args.config)
    cfg = load_config(path, args.cfg_options)
    set_work_dir(cfg, args.work_dir, path)
    choose_weights(cfg, args.checkpoint)
    if args.network:
        if is_fused(cfg.model):
            raise ConfigError(
                "--network: choose model.segmentor_network and "
                "model.classifier_network with --cfg-options"
            )
        choose_network(cfg, args.network)
    if args.source:
        evaluate_source(cfg, args.source)
    if args.show or args.show_dir:
        show_predictions(cfg, args.show, args.show_dir, args.wait_time)
    if args.out:
        save_predictions(cfg, args.out)
    if args.tta:
        use_augmentation(cfg)
    use_safe_checkpoints(trust=args.trust_checkpoint)
    set_launcher(cfg, args.launcher, args.local_rank)
    build_runner(cfg, strict=True).test()


def choose_weights(cfg: Config, checkpoint: str | None) -> None:
    """Test the checkpoint of the command line, or those of the model's parts.

    Args:
        cfg: The config; changed in place.
        checkpoint: The file, or None.

    Raises:
        ConfigError: If there is no checkpoint, or none for one of the parts.
    """
    parts = ("segmentor_checkpoint", "classifier_checkpoint")
    fused = is_fused(cfg.model)
    if checkpoint is None:
        missing = [key for key in parts if not (fused and cfg.model.get(key))]
        if missing:
            names = " and ".join(f"model.{key}" for key in missing) if fused else ""
            raise ConfigError(f"give a checkpoint{names and f', or {names}'}")
    elif fused:
        cfg.model.update(dict.fromkeys(parts))
    set_checkpoint(cfg, load_from=checkpoint)


if __name__ == "__main__":
    run_tool(main)
