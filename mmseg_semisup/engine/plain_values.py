"""Turns batches and configs into values that a safe reader builds, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
from mmengine.structures import BaseDataElement, LabelData, PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

KIND = "__kind__"
"""Key of a dictionary that stands for a data element: the name of its class."""
ELEMENTS: dict[str, type[BaseDataElement]] = {
    kind.__name__: kind
    for kind in (SegDataSample, PixelData, LabelData, BaseDataElement)
}
LONGEST = 1 << 127
"""Integers that the reader of checkpoints accepts are below this."""


def to_plain(value: Any) -> Any:
    """A value of plain types, tensors on the host and arrays of numbers.

    Args:
        value: A batch as the data loader gives it, a config, or a part of one.
            Sub-classes of data elements become the nearest class of
            :data:`ELEMENTS`; an object of another type becomes its text.
    """
    if isinstance(value, Tensor):
        return _own(value.detach().cpu())
    if value is None or type(value) in (bool, float):
        return value
    if isinstance(value, str):
        return str(value)
    if type(value) is int:
        return value if -LONGEST < value < LONGEST else str(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return np.array(value) if value.dtype.kind in "biuf" else str(value)
    if isinstance(value, BaseDataElement):
        return {
            KIND: next(name for name, k in ELEMENTS.items() if isinstance(value, k)),
            "metainfo": to_plain(value.metainfo),
            "data": {key: to_plain(field) for key, field in value.items()},
        }
    if isinstance(value, Mapping):
        keys = (k if type(k) in (str, int) else str(k) for k in value)
        return dict(zip(keys, map(to_plain, value.values()), strict=True))
    if isinstance(value, (list, tuple)):
        kind = tuple if isinstance(value, tuple) else list
        return kind(map(to_plain, value))
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, PurePath):
        return str(value)
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', value)}"


def from_plain(value: Any) -> Any:
    """The batch of a result of :func:`to_plain`.

    Args:
        value: What a safe reader has built.

    Raises:
        ValueError: If it has a data element of another form.
        Exception: What a data element says to fields of another type.
    """
    if isinstance(value, dict) and KIND in value:
        kind = ELEMENTS.get(value[KIND]) if isinstance(value[KIND], str) else None
        metainfo, fields = value.get("metainfo"), value.get("data")
        if kind is None or len(value) != 3:
            raise ValueError(f"a data element of the kind {value[KIND]!r:.40}")
        if not isinstance(metainfo, dict) or not isinstance(fields, dict):
            raise ValueError("a data element without metainfo and data")
        if not all(_is_name(name) for name in (*metainfo, *fields)):
            raise ValueError("a data element with a field that has no name")
        element = kind(metainfo={k: from_plain(part) for k, part in metainfo.items()})
        for name, field in fields.items():
            setattr(element, name, from_plain(field))
        return element
    if isinstance(value, dict):
        return {key: from_plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(from_plain, value))
    return value


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name.isidentifier() and not name.startswith("__")


def _own(tensor: Tensor) -> Tensor:
    """The tensor, without the rest of a larger storage that it is a view of."""
    whole = tensor.untyped_storage().nbytes() == tensor.nbytes
    return tensor if whole and tensor.is_contiguous() else tensor.contiguous().clone()
