"""Reads and writes files of videos."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import cv2
import mmcv
import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.atomic_io import TEMPORARY_PREFIX, check_writable
from mmseg_semisup.core.errors import ImageFileError

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv"),
)
CODEC = "mp4v"
"""Of written videos; OpenCV's packages have it on every platform."""
FALLBACK_RATE = 25.0
"""Frames a second, where a video does not state them."""


def is_video(path: Path) -> bool:
    """Whether a file is a video, by the end of its name."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def open_video(path: Path) -> mmcv.VideoReader:
    """Open a video.

    Args:
        path: Its file.

    Returns:
        Its frames, (H, W, 3), uint8, BGR, in order, upright.

    Raises:
        ImageFileError: If it is none.
    """
    video = mmcv.VideoReader(str(path))
    if not video.opened or min(video.resolution) < 1:
        raise ImageFileError(f"{path}: cannot be decoded as a video")
    return video


def frame_rate(video: mmcv.VideoReader) -> float:
    """Frames a second."""
    return video.fps if 0 < video.fps < 1000 else FALLBACK_RATE


def write_video(path: Path, pictures: Iterable[NDArray[np.uint8]], rate: float) -> str:
    """Write a video; the file appears when it is complete.

    Args:
        path: The file, which ends in .mp4.
        pictures: (H, W, 3), uint8, RGB, of one size.
        rate: Frames a second.

    Returns:
        Why that is not possible, or nothing.

    Raises:
        WriteError: If its folder cannot be written.
    """
    check_writable(path.parent)
    partial = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
    writer = cv2.VideoWriter()
    size = (0, 0)
    try:
        for number, each in enumerate(map(_even, pictures), 1):
            own = each.shape[1], each.shape[0]
            if number == 1:
                size = own
                code = cv2.VideoWriter.fourcc(*CODEC)
                if not writer.open(str(partial), code, rate, size):
                    return f"OpenCV cannot write {path}"
            if own != size:
                # OpenCV would leave it out without a word.
                return f"frame {number} has another size"
            writer.write(np.ascontiguousarray(each[..., ::-1]))
        writer.release()
        if partial.exists():
            os.replace(partial, path)
    finally:
        writer.release()
        partial.unlink(missing_ok=True)
    return ""


def _even(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with even sides, which video codecs need."""
    height, width = (side % 2 for side in picture.shape[:2])
    return np.pad(picture, ((0, height), (0, width), (0, 0)), mode="edge")
