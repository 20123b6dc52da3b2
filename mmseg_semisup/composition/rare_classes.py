"""Lets the labelled images of a training be drawn by their classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmseg.datasets.transforms import RandomCrop
from mmseg.registry import TRANSFORMS

from mmseg_semisup.core.config_types import type_of
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.text import suggest
from mmseg_semisup.datasets.rare_class_crop import RareClassCrop
from mmseg_semisup.datasets.rare_classes import OPTIONS, SHARE

from .record import Record

RARE = "rare_classes"
"""Key of a config and of a block: True, or options of ``RareClasses``."""


def draw_by_class(
    loader: dict[str, Any], source: str, stated: Any, record: Record
) -> None:
    """Draw the images of a source by their classes, and let crops show these.

    Args:
        loader: The composed loader; changed in place.
        source: Name of the source.
        stated: Value of :data:`RARE`.
        record: Takes a note.

    Raises:
        ConfigError: If the value is not allowed.
    """
    if stated is None or stated is False:
        return
    options = {} if stated is True else stated
    if not isinstance(options, Mapping):
        raise ConfigError(
            f"{RARE}={stated!r}; allowed: True, or a dict with {', '.join(OPTIONS)}"
        )
    for key in options:
        if key not in OPTIONS:
            hint = suggest(str(key), OPTIONS)
            raise ConfigError(
                f"{RARE} has no option {key!r}; {hint}there are {', '.join(OPTIONS)}"
            )
    loader["sampler"][RARE] = {source: dict(options)}
    sources = loader["dataset"]["sources"]
    before = sources[source]
    sources[source] = _with_crops(before)
    share = options.get("share", SHARE)
    crops = "crops show the class" if sources[source] != before else "there is no crop"
    record.note(
        f"{share:.0%} of the {source} images are drawn by class, rare ones more often; "
        f"{crops}"
    )


def _with_crops(node: Any) -> Any:
    """A config with another type for each random crop in it."""
    if isinstance(node, Mapping):
        made = {key: _with_crops(value) for key, value in node.items()}
        if "type" in node and type_of(node, TRANSFORMS) is RandomCrop:
            made["type"] = RareClassCrop.__name__
        return made
    if isinstance(node, (list, tuple)):
        return type(node)(_with_crops(value) for value in node)
    return node
