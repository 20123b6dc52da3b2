"""Moves changes of colours from the workers of a data loader to the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.registry import TRANSFORMS

from mmseg_semisup.core.config_types import type_of
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.text import suggest
from mmseg_semisup.datasets.batched_appearance import OPERATIONS, operation_of
from mmseg_semisup.models.data_preprocessor import is_stock

Transform = dict[str, Any]

AUGMENT = "augment"
"""Key of a block."""
WORKERS, DEVICE = "workers", "device"
PLACES = (WORKERS, DEVICE)
"""Where the colours of views may be changed."""


def on_device(
    views: Mapping[str, Sequence[Transform]], pack: Transform
) -> dict[str, Any]:
    """Let the last transforms of views change batches on the device.

    A view of which nothing else is left has the pixels of another view that has the
    same other transforms, such as the weak one.

    Args:
        views: Name of each view to its transforms, without the last one.
        pack: The last transform.

    Returns:
        ``views`` of ``MultiView``.
    """
    divided = {name: _divide(steps) for name, steps in views.items()}
    made: dict[str, Any] = {}
    for name, (early, late) in divided.items():
        if not late:
            made[name] = [*early, pack]
            continue
        made[name] = {"transforms": [*early, pack], "device": late}
        plain = [n for n, (own, rest) in divided.items() if not own and not rest]
        if not early and plain:
            made[name] = {"of": plain[0], "transforms": [pack], "device": late}
    return made


def place_of(block: Mapping[str, Any]) -> str:
    """Where the colours of the views of a method are changed.

    Args:
        block: The method.

    Raises:
        ConfigError: If it names another place.
    """
    place: str = block.get(AUGMENT, WORKERS)
    if place not in PLACES:
        hint = suggest(str(place), PLACES)
        raise ConfigError(f"method.{AUGMENT}={place!r}; {hint}allowed: {PLACES}")
    return place


def check_device(
    block: Mapping[str, Any], sources: Any, preprocessor: Mapping[str, Any] | None
) -> None:
    """Refuse a method whose views the device cannot change.

    Args:
        block: The method.
        sources: The composed sources of the training data.
        preprocessor: Config of the model's preprocessor.

    Raises:
        ConfigError: If no view can be changed there, or the preprocessor cannot.
    """
    if place_of(block) != DEVICE:
        return
    if not _any_device(sources):
        known = ", ".join(cls.__name__ for cls in OPERATIONS)
        raise ConfigError(
            f"method.{AUGMENT}={DEVICE!r}: no view ends with a transform that can "
            f"change a batch, as {known} can; leave it out"
        )
    if not is_stock(preprocessor or {}):
        raise ConfigError(
            f"method.{AUGMENT}={DEVICE!r} needs mmseg's SegDataPreProcessor, but the "
            f"config has data_preprocessor.type={(preprocessor or {}).get('type')!r}"
        )


def _any_device(node: Any) -> bool:
    if isinstance(node, Mapping):
        return bool(node.get("device")) or any(map(_any_device, node.values()))
    return isinstance(node, (list, tuple)) and any(map(_any_device, node))


def _divide(steps: Sequence[Transform]) -> tuple[list[Transform], list[Transform]]:
    """The transforms of the workers, and the last ones, which can change a batch."""
    at = len(steps)
    while at and _can(steps[at - 1]):
        at -= 1
    return list(steps[:at]), list(steps[at:])


def _can(step: Transform) -> bool:
    if type_of(step, TRANSFORMS) not in OPERATIONS:
        return False
    return operation_of(TRANSFORMS.build(dict(step))) is not None
