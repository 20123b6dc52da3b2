"""From matplotlib's figures to pictures, and from pictures to files."""

from __future__ import annotations

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray


def draw_figure(figure: Figure) -> NDArray[np.uint8]:
    """A figure as a picture, (H, W, 3), uint8, RGB."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def encode_picture(picture: NDArray[np.uint8]) -> bytes:
    """A picture, (H, W, 3), uint8, RGB, as a PNG file."""
    return cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
