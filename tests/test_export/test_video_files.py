"""Videos are read to their end, and written whole or not at all."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.export import video_files
from mmseg_semisup.export.video_files import frame_rate, open_video, write_video


def frames(count: int, height: int = 33, width: int = 47):
    """Grey frames, each lighter than the one before."""
    return (np.full((height, width, 3), 20 * i, np.uint8) for i in range(count))


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "a.mp4"
    assert write_video(path, frames(7), 12.5) == ""
    video = open_video(path)
    read = list(video)
    assert (len(read), frame_rate(video)) == (7, 12.5)
    # Codecs take even sides only.
    assert read[0].shape == (34, 48, 3)
    assert [int(np.median(frame)) for frame in read] == pytest.approx(
        [20 * i for i in range(7)], abs=4
    )
    assert [each.name for each in tmp_path.iterdir()] == ["a.mp4"]


def test_colours_keep_their_order(tmp_path):
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 250
    assert write_video(tmp_path / "a.mp4", [red] * 3, 25) == ""
    blue, green, as_red = next(iter(open_video(tmp_path / "a.mp4")))[16, 16]
    assert as_red > 200 > 60 > max(blue, green)


def test_without_a_frame_nothing_is_written(tmp_path):
    assert write_video(tmp_path / "a.mp4", [], 25) == ""
    assert list(tmp_path.iterdir()) == []


def test_another_size_is_named_and_nothing_is_left(tmp_path):
    def changing():
        yield from frames(2)
        yield from frames(1, height=60)

    assert "frame 3 has another size" in write_video(tmp_path / "a.mp4", changing(), 25)
    assert list(tmp_path.iterdir()) == []


def test_without_a_codec_it_says_so(tmp_path, monkeypatch):
    class Closed:
        fourcc = staticmethod(cv2.VideoWriter.fourcc)

        def open(self, *_: object) -> bool:
            return False

        def release(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr(video_files.cv2, "VideoWriter", Closed)
    reason = write_video(tmp_path / "a.mp4", frames(1), 25)
    assert reason == f"OpenCV cannot write {tmp_path / 'a.mp4'}"


@pytest.mark.parametrize("content", [b"", b"no video" * 50])
def test_what_is_no_video_is_refused(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(ImageFileError, match="a.mp4: cannot be decoded as a video"):
        open_video(tmp_path / "a.mp4")


def test_a_video_without_a_rate_gets_one():
    assert frame_rate(type("Video", (), {"fps": 0.0})()) == video_files.FALLBACK_RATE
