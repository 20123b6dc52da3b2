"""Compares how the readers of a config see the same image, from the headers alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mmseg_semisup.datasets.image_headers import Header, Reader

from .parts import Part
from .problem import Problem


def disagreements(
    parts: Sequence[Part], headers: Mapping[str, Header]
) -> list[Problem]:
    """Images that one source would turn and another would not.

    A network that learns from upright images must be tested with such, too.

    Args:
        parts: All sources.
        headers: Header of each image with one.
    """
    owners: dict[Reader, str] = {}
    for part in parts:
        for item in part.items:
            if item.reader is not None:
                owners.setdefault(item.reader, part.name)
    found = []
    for path, header in headers.items() if len(owners) > 1 else ():
        turned = {reader: header.turned(reader) for reader in owners}
        if len(set(turned.values())) > 1:
            ways = ", ".join(
                f"{owners[reader]} ({reader.color_type}, {reader.backend}) "
                + ("turns it" if value > 1 else "does not")
                for reader, value in turned.items()
            )
            found.append(
                Problem(
                    "orientation",
                    f"{path} has an entry of its orientation: {ways}; give all "
                    "LoadImageFromFile the same color_type and imdecode_backend",
                )
            )
    return found


def doubts(parts: Sequence[Part], headers: Mapping[str, Header]) -> Iterator[Problem]:
    """What is read of an image may not be what its owner means.

    Args:
        parts: All sources.
        headers: Header of each image with one.
    """
    seen = set()
    for part in parts:
        for item in part.items:
            header = headers.get(item.image)
            if header is None or item.reader is None or item.image in seen:
                continue
            seen.add(item.image)
            turned = header.turned(item.reader)
            keeps_size = turned in (2, 3, 4) or header.stored[0] == header.stored[1]
            if item.mask is not None and turned > 1 and keeps_size:
                yield Problem(
                    "turned",
                    f"{item.image} is turned by its entry of the orientation "
                    f"({turned}), its mask is not, and both have one size: see that "
                    "the mask shows the turned image",
                )
            if header.animated:
                text = "several frames or pages; the first alone is read"
                yield Problem("partly-read", f"{item.image}: {text}")
            if header.transparent and item.reader.color_type != "unchanged":
                text = "transparency, which is not read: hidden colours show"
                yield Problem("partly-read", f"{item.image}: {text}")
