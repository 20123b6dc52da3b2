"""Warps dense maps from one view of an image to another.

A homography maps pixel coordinates (x right, y down, pixel centres at integers) of one
image to those of another. All functions work on batches, on their device.
"""

from __future__ import annotations

import torch
from torch import Tensor

SNAP = 1e-4


def view_to_view(from_view: Tensor, to_view: Tensor) -> Tensor:
    """Homography from one view to another, given those from a common source.

    Args:
        from_view: (N, 3, 3), source to the first view.
        to_view: (N, 3, 3), source to the second view.

    Returns:
        (N, 3, 3), float64.
    """
    return to_view.double() @ inverse(from_view)


def inverse(homography: Tensor) -> Tensor:
    """Inverse of homographies, by cofactors.

    ``torch.linalg.inv`` would make the host wait for its error status.

    Args:
        homography: (N, 3, 3).

    Returns:
        (N, 3, 3), float64.
    """
    a, b, c = homography.double().unbind(dim=-2)
    columns = [torch.linalg.cross(p, q) for p, q in ((b, c), (c, a), (a, b))]
    determinant = (a * columns[0]).sum(dim=-1)
    return torch.stack(columns, dim=-1) / determinant[..., None, None]


def rescale(
    homography: Tensor,
    source_size: tuple[int, int],
    source_map: tuple[int, int],
    size: tuple[int, int],
    target_map: tuple[int, int],
) -> Tensor:
    """Homography between maps whose resolution differs from that of their images.

    Args:
        homography: (N, 3, 3), source image to target image.
        source_size: (H, W) of the source image, in pixels.
        source_map: (h, w) of the map of the source image.
        size: (H', W') of the target image, in pixels.
        target_map: (h', w') of the map of the target image.

    Returns:
        (N, 3, 3), float64, source map to target map.
    """
    up = _scaling(source_map, source_size, homography.device)
    down = _scaling(size, target_map, homography.device)
    return down @ homography.double() @ up


def _scaling(
    size: tuple[int, int], new_size: tuple[int, int], device: torch.device
) -> Tensor:
    """Scaling as mmcv resizes: x' = (x + 0.5) s - 0.5."""
    sy, sx = new_size[0] / size[0], new_size[1] / size[1]
    # Filled on the device: assigning a number copies it, and the host waits for that.
    matrix = torch.eye(3, dtype=torch.float64, device=device)
    for axis, scale in enumerate((sx, sy)):
        matrix[axis, axis].fill_(scale)
        matrix[axis, 2].fill_((scale - 1) / 2)
    return matrix


def source_points(homography: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Position of each target pixel in the source.

    Coordinates within 1e-4 of an integer are rounded to it, so that flips and crops by
    whole pixels are exact.

    Args:
        homography: (N, 3, 3), source to target.
        size: (H', W') of the target.

    Returns:
        x and y, each (N, H', W'), float64.
    """
    height, width = size
    device = homography.device
    y = torch.arange(height, dtype=torch.float64, device=device).view(1, -1, 1)
    x = torch.arange(width, dtype=torch.float64, device=device).view(1, 1, -1)
    m = inverse(homography)[:, :, :, None, None]
    scale = m[:, 2, 0] * x + m[:, 2, 1] * y + m[:, 2, 2]
    points = []
    for row in (0, 1):
        value = (m[:, row, 0] * x + m[:, row, 1] * y + m[:, row, 2]) / scale
        nearest = value.round()
        points.append(torch.where((value - nearest).abs() < SNAP, nearest, value))
    return points[0], points[1]


def valid_mask(
    homography: Tensor, source_shape: Tensor, size: tuple[int, int]
) -> Tensor:
    """Target pixels that lie in the source.

    Args:
        homography: (N, 3, 3), source to target.
        source_shape: (N, 2), height and width of each source, in pixels.
        size: (H', W') of the target.

    Returns:
        (N, 1, H', W'), bool.
    """
    height, width = source_shape.reshape(-1, 2, 1, 1).unbind(dim=1)
    return _inside(*source_points(homography, size), height, width)


def warp(
    maps: Tensor,
    homography: Tensor,
    size: tuple[int, int],
    mode: str = "bilinear",
    fill: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Warp dense maps through a homography.

    Args:
        maps: (N, C, H, W), or label maps (N, H, W).
        homography: (N, 3, 3), from pixels of the map to pixels of the result.
        size: (H', W') of the result.
        mode: 'bilinear' (floating point only) or 'nearest'.
        fill: Value of pixels without a source.

    Returns:
        The maps at the new size, of the same type; and (N, 1, H', W'), bool, the pixels
        that have a source, i.e. that lie within the area of the map's pixels.

    Raises:
        ValueError: If the mode does not exist, or labels would be interpolated.
    """
    if mode not in ("bilinear", "nearest"):
        raise ValueError(f"warp: mode={mode!r}; allowed: 'bilinear', 'nearest'")
    if mode == "bilinear" and not maps.is_floating_point():
        raise ValueError(f"warp: {maps.dtype} cannot be interpolated; use 'nearest'")
    stack = maps if maps.ndim == 4 else maps.unsqueeze(1)
    height, width = stack.shape[2:]
    x, y = source_points(homography, size)
    inside = _inside(x, y, height, width)
    if mode == "nearest":
        # Halves round up, so that a pixel's area is [-0.5, 0.5) as in `_inside`.
        warped = _take(stack, (x + 0.5).floor(), (y + 0.5).floor())
    else:
        x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
        left, top = x.floor(), y.floor()
        wx, wy = ((v - v.floor()).unsqueeze(1).to(maps.dtype) for v in (x, y))
        upper = torch.lerp(_take(stack, left, top), _take(stack, left + 1, top), wx)
        lower = torch.lerp(
            _take(stack, left, top + 1), _take(stack, left + 1, top + 1), wx
        )
        warped = torch.lerp(upper, lower, wy)
    warped = torch.where(inside, warped, torch.full_like(warped[:1, :1], fill))
    return (warped if maps.ndim == 4 else warped.squeeze(1)), inside


def _inside(x: Tensor, y: Tensor, height: Tensor | int, width: Tensor | int) -> Tensor:
    """Points inside images of one size, or of sizes (N, 1, 1); (N, 1, H', W'), bool."""
    inside = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
    return inside.unsqueeze(1)


def _take(stack: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Values (N, C, H', W') of maps (N, C, H, W) at whole coordinates (N, H', W')."""
    count, channels, height, width = stack.shape
    index = y.clamp(0, height - 1).long() * width + x.clamp(0, width - 1).long()
    flat = index.view(count, 1, -1).expand(count, channels, -1)
    return stack.flatten(2).gather(2, flat).view(count, channels, *x.shape[1:])
