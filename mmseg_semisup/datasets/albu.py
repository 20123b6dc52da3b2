"""Tells which transforms of albumentations move pixels, for mmseg's ``Albu``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.datasets.transforms import Albu, transforms

from mmseg_semisup.core.errors import ConfigError

from .view_geometry import register_geometry


def check_albumentations(steps: Sequence[Mapping[str, Any]]) -> None:
    """Check that no transform within ``Albu`` moves pixels.

    Args:
        steps: Configs of transforms of albumentations, at any depth.

    Raises:
        ConfigError: If one moves pixels, or albumentations is not installed.
    """
    package = transforms.albumentations
    if package is None:
        raise ConfigError(
            "train_dataloader: Albu needs the package albumentations, which is not "
            "installed: pip install albumentations"
        )
    for step in steps:
        kind = step["type"]
        cls = getattr(package, kind, None) if isinstance(kind, str) else kind
        if "transforms" in step:
            check_albumentations(step["transforms"])
        elif not inspect.isclass(cls) or not issubclass(
            cls, package.ImageOnlyTransform
        ):
            name = getattr(cls, "__name__", kind)
            raise ConfigError(
                f"train_dataloader: {name} of albumentations, in Albu, moves pixels, "
                "and views of an image cannot follow it; use the transform of mmseg "
                "(RandomFlip, RandomRotate, RandomResize, RandomCrop) instead"
            )


@register_geometry(Albu)
def _albu(
    transform: BaseTransform, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    check_albumentations(transform.transforms)
    return transform(results), np.eye(3)
