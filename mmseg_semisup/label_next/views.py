"""Changed copies of images, whose predictions are compared with the plain ones.

A view keeps the size of the images, so that every network and every window takes it.
"""

from __future__ import annotations

from typing import Protocol

import torch.nn.functional as F
from torch import Tensor

FACTOR = 0.75
"""Size of the smaller copy."""


class ImageView(Protocol):
    """A change of images that can be undone in the predictions."""

    def apply(self, images: Tensor) -> Tensor:
        """Change images, (N, 3, H, W), float; the size stays."""

    def undo(self, maps: Tensor) -> Tensor:
        """Change maps of changed images, (N, C, H, W), float, back."""


class Mirrored:
    """The mirror image."""

    def apply(self, images: Tensor) -> Tensor:
        """Exchange left and right."""
        return images.flip(-1)

    def undo(self, maps: Tensor) -> Tensor:
        """Exchange them again."""
        return maps.flip(-1)


class Smaller:
    """A smaller copy; the rest of its canvas shows the copy's mirror image."""

    def apply(self, images: Tensor) -> Tensor:
        """Shrink images into the upper left corner."""
        height, width = images.shape[-2:]
        inner = _inner_size(images)
        small = F.interpolate(
            images, inner, mode="bilinear", align_corners=False, antialias=True
        )
        rest = (0, width - inner[1], 0, height - inner[0])
        return F.pad(small, rest, mode="reflect")

    def undo(self, maps: Tensor) -> Tensor:
        """Enlarge the maps of the corner."""
        height, width = _inner_size(maps)
        return F.interpolate(
            maps[..., :height, :width],
            maps.shape[-2:],
            mode="bilinear",
            align_corners=False,
        )


def _inner_size(images: Tensor) -> tuple[int, int]:
    """Height and width of the smaller copies, more than half of the images' own."""
    height, width = (max(1, round(FACTOR * n)) for n in images.shape[-2:])
    return height, width


VIEWS: tuple[ImageView, ...] = (Mirrored(), Smaller())
"""The views that are compared with the plain images."""
