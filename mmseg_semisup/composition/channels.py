"""Compares the channels that images are read with, and those that the model takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmseg.registry import MODELS, TRANSFORMS

from mmseg_semisup.core.config_types import argument, is_type
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.load_channels import LoadChannels
from mmseg_semisup.datasets.sources import config_pipelines
from mmseg_semisup.datasets.transform_kinds import loads_file, loads_mask
from mmseg_semisup.models.data_preprocessor import KEY as PREPROCESSOR

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def check_channels(
    plain: Mapping[str, Any], segmentor: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Find how ``LoadChannels`` reads images, if it does.

    Args:
        plain: Content of the plain config.
        segmentor: Its segmentor, with the preprocessor that it uses.

    Returns:
        The config of ``LoadChannels``; None: images are read in the ordinary way.

    Raises:
        ConfigError: If pipelines read images in different ways, or preprocessor or
            backbone take another number of channels.
    """
    found = [
        (key, step)
        for key in LOADERS
        for step in _loading(plain.get(key) or {})
        if not loads_mask(step)
    ]
    own = [step for _, step in found if is_type(step, TRANSFORMS, LoadChannels)]
    if not own:
        return None
    first = own[0]
    for key, step in found:
        if dict(step) != dict(first):
            raise ConfigError(
                f"{key} reads images with {dict(step)}, other pipelines with "
                f"{dict(first)}; a network needs the same channels and range everywhere"
            )
    channels = first.get("channels")
    backbone = segmentor.get("backbone") or {}
    taken = argument(backbone, MODELS, "in_channels") if backbone else None
    if isinstance(taken, int) and taken != channels:
        raise ConfigError(
            f"LoadChannels reads {channels} channels, and model.backbone takes "
            f"{taken}: set model.backbone.in_channels={channels}"
        )
    prepared = segmentor.get(PREPROCESSOR) or {}
    for key in ("mean", "std"):
        numbers = prepared.get(key)
        # MMSegmentation's preprocessor takes one number or three.
        if numbers is not None and len(numbers) not in {1, 3 if channels == 3 else 1}:
            raise ConfigError(
                f"LoadChannels reads {channels} channels, and data_preprocessor.{key} "
                f"has {len(numbers)} numbers; give one for all, in 0 to 255, and low "
                "and high of LoadChannels for each"
            )
    return first


def _loading(loader: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    dataset = loader.get("dataset")
    if isinstance(dataset, Mapping):
        for steps in config_pipelines(dataset):
            yield from (step for step in steps if loads_file(step))
