"""Reads the config that a command line names, with its options and stages."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_semisup.composition import (
    encoder_names,
    method_names,
    read_config,
)
from mmseg_semisup.stages.plan import base_config, last_stage


def load_config(
    name: str | Path,
    options: dict[str, Any] | None = None,
    stages: str = "last",
    composition: Mapping[str, Any] | None = None,
) -> Config:
    """Read a config, apply changes to it, and compose it if it names a method.

    Args:
        name: A path or a name, as :func:`find_config` takes it.
        options: Dotted key to new value, as from ``--cfg-options``.
        stages: Which config to return for one with ``stages``: 'last', that of the last
            stage; 'base', the config before any stage's changes, or the first stage's
            own; 'keep', the config as it stands.
        composition: Method and images of the command line, see
            :func:`composition_of`.

    Returns:
        The config, checked for misspelt keys. Classes are replaced by their dotted
        paths, so that it can be written into the work-dir.

    Raises:
        ConfigError: If the file is missing or broken, or a key is misspelt.
    """
    cfg, _ = read_config(name, options, **(composition or {}))
    if cfg.get("stages") is None or stages == "keep":
        return cfg
    return last_stage(cfg) if stages == "last" else base_config(cfg)


def add_method_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that turn a plain config into a semi-supervised training.

    Args:
        parser: The parser of the tool.
    """
    group = parser.add_argument_group("semi-supervised training of a plain config")
    group.add_argument(
        "--method",
        nargs="+",
        metavar="NAME",
        help=f"{', '.join(method_names())}, or files of your own; several are combined",
    )
    group.add_argument(
        "--unlabeled",
        nargs="+",
        metavar="PATH",
        help="unlabelled images: folders, files, or text files of image paths; images "
        "that are labelled, validated or tested are left out",
    )
    group.add_argument(
        "--labeled",
        metavar="LIST",
        help="text file of the ids of those training images whose masks are used, or a "
        "folder that import_masks.py wrote; "
        "without --unlabeled, the other training images are the unlabelled ones",
    )
    group.add_argument(
        "--weak",
        nargs="+",
        metavar=("LABELS", "FOLDER"),
        help="images with image labels: a text file with lines 'id: class, class', or "
        "a JSON file, and the folder of the images, if it is not the file's own",
    )
    group.add_argument(
        "--rare-classes",
        action="store_true",
        default=None,
        help="draw labelled images and crops by class, rare ones more often",
    )
    group.add_argument(
        "--encoder",
        nargs="+",
        metavar=("NAME", "WEIGHTS"),
        help="another encoder, with the head that reads it: "
        f"{', '.join(encoder_names())}; and the file or folder of its weights, if "
        "they are not where docs/encoders.md says",
    )


def composition_of(args: argparse.Namespace) -> dict[str, Any]:
    """What the command line says of a composition.

    Args:
        args: Parsed arguments, see :func:`add_method_arguments`.
    """
    method = args.method
    if method is not None and len(method) == 1:
        method = method[0]
    encoder = args.encoder
    if encoder is not None and len(encoder) == 1:
        encoder = encoder[0]
    keys = ("unlabeled", "labeled", "weak", "rare_classes")
    images = {key: getattr(args, key) for key in keys}
    return {"method": method, "encoder": encoder, **images}
