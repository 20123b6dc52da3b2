"""Says in words where the first NaN or infinity of a step begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmseg_semisup.core.text import shorten
from mmseg_semisup.models.step import View

from .trace import Event

FINITE = "all losses and gradients are finite"
AROUND = 2
"""Neighbours that are shown on each side of a number."""
MOST = 3
"""Names and images that are listed."""


def describe(
    event: Event | None,
    ends: Sequence[str],
    losses: Mapping[str, float],
    views: Mapping[str, View],
) -> str:
    """Describe where it begins, how it becomes NaN, and where it ends.

    Args:
        event: The event that the bad losses or gradients come from; None: unknown.
        ends: What is not finite at the end.
        losses: Name to value, of the last pass.
        views: The views of the last pass by name.

    Returns:
        Several lines; the first one names the tensor.
    """
    shown = ", ".join(f"{name} {value:.6g}" for name, value in losses.items())
    last = f"  losses: {shown}"
    if not ends:
        return f"{FINITE}\n{last}"
    reached = f"  reaches: {shorten(list(ends), MOST)}"
    if event is None:
        return f"where it begins was not found\n{reached}\n{last}"
    first = event.first
    lines = [_headline(first), *_details(first, views)]
    if event is not first:
        lines.append(f"  becomes NaN in {_where(event)}")
        lines += [f"  {line}" for line in _details(event, views)]
    return "\n".join([*lines, reached, last])


def _headline(event: Event) -> str:
    if not event.operator:
        return (
            f"{event.place.module}: {_count(event.result)} before the step; "
            f"{_neighbours(event.result, _first_bad(event.result))}"
        )
    turn = f", pass {event.turn + 1}" if event.turn else ""
    return (
        f"{_where(event)}: {_count(event.result)} in the {event.phase} pass{turn}; "
        f"{_neighbours(event.result, _first_bad(event.result))}"
    )


def _where(event: Event) -> str:
    """Module, operator and statement."""
    operator = event.operator
    if event.node:
        operator += f" of {event.node}"
    parts = [event.place.module, operator, f"({event.place.source})"]
    if not event.place.source:
        parts.pop()
    return " ".join(filter(None, parts))


def _details(event: Event, views: Mapping[str, View]) -> list[str]:
    lines = []
    place = _first_bad(event.result)
    for number, tensor in enumerate(event.inputs, 1):
        text = f"  input {number}: {_range(tensor)}"
        if tensor.shape == event.result.shape:
            text += f"; there {_neighbours(tensor, place, named=False)}"
        lines.append(text)
    images = _images(event, views)
    if images:
        lines.append(f"  {images}")
    return lines


def _count(tensor: Tensor) -> str:
    """How many numbers are not finite, of how many of which type and shape."""
    nan = int(tensor.isnan().sum())
    infinite = int(tensor.isinf().sum())
    counts = [f"{n} {name}" for n, name in ((nan, "NaN"), (infinite, "Inf")) if n]
    return f"{' and '.join(counts)} of {_kind(tensor)}"


def _kind(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def _range(tensor: Tensor) -> str:
    finite = tensor[tensor.isfinite()]
    if not finite.numel():
        return f"{_kind(tensor)}, no finite number"
    text = f"{_kind(tensor)}, {float(finite.min()):.6g} to {float(finite.max()):.6g}"
    lost = tensor.numel() - finite.numel()
    return f"{text}, {lost} not finite" if lost else text


def _first_bad(tensor: Tensor) -> tuple[int, ...]:
    position = int(tensor.isfinite().logical_not().flatten().int().argmax())
    return tuple(map(int, torch.unravel_index(torch.tensor(position), tensor.shape)))


def _neighbours(tensor: Tensor, place: tuple[int, ...], named: bool = True) -> str:
    """The number at a place, in brackets, between its neighbours in the last axis."""
    if not place:
        return f"{float(tensor):.6g}"
    row = tensor[place[:-1]]
    begin = max(place[-1] - AROUND, 0)
    numbers = [f"{float(x):.6g}" for x in row[begin : place[-1] + AROUND + 1]]
    numbers[place[-1] - begin] = f"[{numbers[place[-1] - begin]}]"
    where = f"at {list(place)}: " if named else ""
    return where + " ".join(numbers)


def _images(event: Event, views: Mapping[str, View]) -> str:
    """The images in whose rows it begins, or of the pass if it has no rows."""
    images = event.place.images
    if images is None:
        return ""
    names = [_name(image, views) for image in images.detach()]
    result = event.result
    if result.ndim > 1 and len(result) == len(names):
        bad = result.flatten(1).isfinite().all(dim=1).logical_not().tolist()
        names = [name for name, is_bad in zip(names, bad, strict=True) if is_bad]
        return f"image: {shorten(names, MOST)}"
    return f"images of this pass: {shorten(names, MOST)}"


def _name(image: Tensor, views: Mapping[str, View]) -> str:
    """View, position and file of an image, which is compared with all others."""
    for view in views.values():
        for index, other in enumerate(view.images.detach()):
            if image.shape != other.shape or not _equal(image, other):
                continue
            sample = view.samples[index] if index < len(view.samples) else None
            path = getattr(sample, "metainfo", {}).get("img_path")
            return f"{view.name} {index}" + (f", {path}" if path else "")
    return "unknown"


def _equal(image: Tensor, other: Tensor) -> bool:
    """Whether two images are equal, NaN included."""
    return bool(torch.allclose(image, other, rtol=0, atol=0, equal_nan=True))
