"""A mistake in the data."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = {
    "config": "the config",
    "overlap": "the same image in two lists",
    "repeated": "the same image twice in a list",
    "mask-as-image": "masks among the images without masks",
    "missing-file": "files that do not exist",
    "unreadable": "files that cannot be read",
    "orientation": "images that are turned in one source and not in another",
    "mask-format": "masks that hold no class numbers",
    "mask-size": "masks of another size than their image",
    "mask-values": "masks with values that are no class",
    "missing-class": "classes without a labelled image",
    "turned": "images that are turned, and whose masks may not be",
    "partly-read": "images of which a part is not read",
}
"""Kind of a problem to its heading."""


@dataclass(frozen=True)
class Problem:
    """A mistake in the data.

    Attributes:
        kind: One of :data:`KINDS`.
        text: The mistake, its place, and the allowed values.
    """

    kind: str
    text: str
