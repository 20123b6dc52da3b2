"""Names and faults of videos; ``test_predict_videos.py`` predicts them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.export.prediction_files import PredictionFiles
from mmseg_semisup.export.video_files import open_video, write_video
from mmseg_semisup.export.videos import check_names, frame_name, paint_video

CLIP = [(Path("a/clip.mp4"), Path("sub/clip"))]


def test_results_of_an_image_among_those_of_a_video_are_refused():
    check_names([(Path("b/x.png"), Path("sub/x"))], CLIP)
    check_names([(Path("b/clip.png"), Path("sub/clip.png"))], CLIP)
    with pytest.raises(ConfigError, match="of b/clip/1.png and of a/clip.mp4 would be"):
        check_names([(Path("b/clip/1.png"), frame_name(Path("sub/clip"), 1))], CLIP)


@pytest.fixture
def files(tmp_path) -> PredictionFiles:
    return PredictionFiles(
        tmp_path / "out", ["ground", "sky"], [[0, 0, 0], [0, 0, 250]]
    )


@pytest.fixture
def clip(tmp_path, files) -> Path:
    """Three grey frames; the second has no mask, the others are sky."""
    path = tmp_path / "clip.mp4"
    assert write_video(path, [np.full((200, 240, 3), 90, np.uint8)] * 3, 5) == ""
    for number in (1, 3):
        mask = files.path("masks", frame_name(Path("clip"), number), ".png")
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ones((200, 240), np.uint8)).save(mask)
    return path


def test_classes_are_painted_over_the_frames_that_have_a_mask(files, clip):
    assert paint_video(clip, Path("clip"), files) == ""
    first, second, third = open_video(files.folder / "overlays" / "clip.mp4")
    blue, green, red = first[100, 120].astype(int)
    assert blue > red + 60
    assert abs(int(second[100, 120, 0]) - int(second[100, 120, 2])) < 12
    np.testing.assert_allclose(third, first, atol=12)


def test_it_is_painted_again_only_after_a_new_mask(files, clip):
    out = files.folder / "overlays" / "clip.mp4"
    for changed in (True, False):
        paint_video(clip, Path("clip"), files)
        painted = out.stat().st_mtime_ns
        if changed:
            later = painted + 10**9
            mask = files.path("masks", frame_name(Path("clip"), 3), ".png")
            os.utime(mask, ns=(later, later))
            os.utime(out, ns=(painted - 1, painted - 1))
        paint_video(clip, Path("clip"), files)
        assert (out.stat().st_mtime_ns > painted) is changed
        os.utime(out, ns=(painted + 10**10, painted + 10**10))


def test_what_cannot_be_written_is_said(files, clip, monkeypatch):
    monkeypatch.setattr("mmseg_semisup.export.videos.write_video", lambda *_: "no")
    expected = "its masks are written, and no video of them: no"
    assert paint_video(clip, Path("clip"), files) == expected
