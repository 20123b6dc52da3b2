"""Generates scenes whose classes are patterns, independent of colour.

A scene shows a few blobs on a smooth background. The two colours of a blob are random;
its class is the pattern that they form. Blobs of one colour or with irregular spots are
clutter: they belong to the background, as do thin lines.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

CLASSES = ("background", "stripes", "checks", "dots", "rings")
PALETTE = ((60, 60, 68), (230, 85, 60), (250, 190, 50), (60, 165, 110), (70, 120, 220))
CLUTTER = 3
OBJECTS = 4
CONTRAST = (0.4, 0.9)
TINT = 0.45
NOISE = (0.02, 0.07)
LIGHT = (0.6, 1.25)
PERIOD = (0.1, 0.16)


def draw_scenes(
    count: int, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw all scenes at once.

    Args:
        count: Number of scenes, N.
        size: Their height and width in pixels, S.
        rng: Generator of all random numbers.

    Returns:
        Images (N, S, S, 3), uint8, RGB, and labels (N, S, S), uint8, in 0..4.
    """
    rows, columns = np.mgrid[:size, :size].astype(np.float32) + 0.5
    images = _smooth(rng, count, size, 3, (0.1, 0.9))
    labels = np.zeros((count, size, size), np.uint8)
    for layer in range(CLUTTER + OBJECTS):
        clutter = layer < CLUTTER
        centre = rng.uniform(0.08, 0.92, (2, count, 1, 1)).astype(np.float32) * size
        y, x = rows - centre[0], columns - centre[1]
        reach = (0.12, 0.3) if clutter else (0.17, 0.32)
        inside = _blob(rng, y, x, size, reach)
        inside &= rng.random((count, 1, 1)) < (0.7 if clutter else 0.75)
        if clutter:
            kinds = rng.integers(len(CLASSES), len(CLASSES) + 3, count)
        else:
            kinds = rng.integers(1, len(CLASSES), count)
        share = _pattern(rng, kinds, y, x, size)[..., None]
        first, second = _colors(rng, count)
        paint = first + (second - first) * share
        images = np.where(inside[..., None], paint, images)
        labels = np.where(inside, 0 if clutter else kinds[:, None, None], labels)
    images = images * _smooth(rng, count, size, 1, LIGHT)
    images = images + _between(rng, NOISE, count)[..., None] * rng.standard_normal(
        images.shape, np.float32
    )
    return (np.clip(images, 0, 1) * 255).astype(np.uint8), labels.astype(np.uint8)


def _between(
    rng: np.random.Generator, limits: tuple[float, float], count: int
) -> np.ndarray:
    """A random number for each scene, (N, 1, 1), float32."""
    return rng.uniform(*limits, (count, 1, 1)).astype(np.float32)


def _smooth(
    rng: np.random.Generator,
    count: int,
    size: int,
    channels: int,
    limits: tuple[float, float],
    knots: int = 3,
) -> np.ndarray:
    """Fields that vary slowly over the scene, (N, S, S, channels), float32."""
    values = rng.uniform(*limits, (count, knots, knots, channels)).astype(np.float32)
    place = np.linspace(0, knots - 1, size, dtype=np.float32)[:, None]
    weights = np.maximum(0, 1 - np.abs(place - np.arange(knots, dtype=np.float32)))
    return np.einsum("ya,xb,nabc->nyxc", weights, weights, values, optimize=True)


def _blob(
    rng: np.random.Generator,
    y: np.ndarray,
    x: np.ndarray,
    size: int,
    reach: tuple[float, float],
) -> np.ndarray:
    """A region whose radius varies with the angle, (N, S, S), bool."""
    count = len(y)
    angle = np.arctan2(y, x)
    radius = np.ones_like(angle)
    for waves, strength in ((2, 0.3), (3, 0.22), (5, 0.1)):
        turn = _between(rng, (0, 2 * np.pi), count)
        radius += _between(rng, (0, strength), count) * np.cos(waves * angle + turn)
    return y**2 + x**2 < (_between(rng, reach, count) * size * radius) ** 2


def _colors(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Two colours for each scene that differ by a random contrast, (N, 1, 1, 3)."""
    # One is brighter, because a network learns patterns of equal brightness slowly.
    way = 1 + TINT * rng.standard_normal((count, 1, 1, 3)).astype(np.float32)
    way *= rng.choice(np.array([-1, 1], np.float32), (count, 1, 1, 1))
    way /= np.linalg.norm(way, axis=-1, keepdims=True)
    contrast = _between(rng, CONTRAST, count)[..., None]
    middle = rng.uniform(0.2, 0.8, (count, 1, 1, 3)).astype(np.float32)
    first, second = middle - way * contrast / 2, middle + way * contrast / 2
    return np.clip(first, 0, 1), np.clip(second, 0, 1)


def _pattern(
    rng: np.random.Generator, kinds: np.ndarray, y: np.ndarray, x: np.ndarray, size: int
) -> np.ndarray:
    """Share of the second colour in each pixel, (N, S, S), float32, in 0..1."""
    count = len(kinds)
    turn = _between(rng, (0, np.pi), count)
    # A period has 5 to 9 pixels in a scene of 64.
    period = _between(rng, PERIOD, count) * size
    phase = _between(rng, (0, 2 * np.pi), count)
    u = (np.cos(turn) * x + np.sin(turn) * y) * (2 * np.pi / period) + phase
    v = (np.cos(turn) * y - np.sin(turn) * x) * (2 * np.pi / period) + phase
    spots = _smooth(rng, count, size, 1, (-1, 1), knots=17)[..., 0] * 2
    drawings: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda n: np.sin(u[n]),
        lambda n: 1.5 * np.sin(u[n]) * np.sin(v[n]),
        lambda n: np.cos(u[n]) + np.cos(v[n]) - 0.5,
        lambda n: np.sin(np.hypot(u[n] - phase[n], v[n] - phase[n]) + phase[n]),
        lambda n: np.full_like(u[n], -1),
        lambda n: spots[n],
        lambda n: (np.abs(u[n] - phase[n]) < 1.2) * 2.0 - 1,
    ]
    share = np.empty_like(u)
    for kind, drawing in enumerate(drawings, start=1):
        chosen = kinds == kind
        share[chosen] = drawing(chosen)
    return np.clip(0.5 + 1.5 * share, 0, 1)
