"""Writes text into pictures."""

from __future__ import annotations

import functools
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mmseg_semisup.core.terminal import printable

SIZE = 13
INK = (0, 0, 0)
WIDE = 1400
"""Pixels; wider pictures have larger letters."""


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(str(path), size)


def _one_line(text: str) -> str:
    """A text without what the layout of letters obeys or fails on."""
    return printable(text, keep="")


def enlargement(width: int) -> float:
    """Factor, from 1 on, that keeps letters legible in a picture of this width."""
    return max(1.0, width / WIDE)


def text_width(text: str, size: int = SIZE) -> int:
    """Width of a text, in pixels.

    Args:
        text: Any text; line breaks and the like are escaped.
        size: Height of the letters, in pixels.
    """
    return round(_font(size).getlength(_one_line(text)))


def fit_text(text: str, width: int, size: int = SIZE) -> str:
    """Cut a text at a width, and end it with an ellipsis then.

    Args:
        text: Any text; line breaks and the like are escaped.
        width: In pixels.
        size: Height of the letters, in pixels.
    """
    text = _one_line(text)
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text}…"


def write_text(
    picture: np.ndarray,
    text: str,
    x: int,
    y: int,
    size: int = SIZE,
    color: tuple[int, int, int] = INK,
) -> int:
    """Write a line of text into a picture, in place.

    Args:
        picture: (H, W, 3), uint8, RGB; what lies outside of it is cut off.
        text: Any text; line breaks and the like are escaped.
        x: Left end of the text, in pixels.
        y: Middle of the text, in pixels from the top.
        size: Height of the letters, in pixels.
        color: RGB, in 0..255.

    Returns:
        The right end of the text, in pixels.
    """
    image = Image.fromarray(picture)
    line, font = _one_line(text), _font(size)
    ImageDraw.Draw(image).text((x, y), line, font=font, fill=color, anchor="lm")
    picture[:] = np.asarray(image)
    return x + text_width(text, size)
