"""Each frame of a video is predicted as the image that it is."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_semisup.export import videos
from mmseg_semisup.export.predictor import Predictor
from mmseg_semisup.export.video_files import open_video, write_video

FRAMES = 6


def pictures(count: int = FRAMES) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(0)
    for _ in range(count):
        small = generator.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        yield cv2.resize(small, (40, 30), interpolation=cv2.INTER_NEAREST)


@pytest.fixture
def clip(tmp_path) -> Path:
    path = tmp_path / "clips" / "sub" / "clip.mp4"
    path.parent.mkdir(parents=True)
    assert write_video(path, pictures(), 10) == ""
    return path


@pytest.fixture
def predict(run_tool, config, checkpoint, tmp_path):
    def run(*arguments: object) -> Path:
        out = tmp_path / "out"
        run_tool("predict.py", config, checkpoint, *arguments, "--out", out)
        return out

    return run


def masks(out: Path) -> dict[str, np.ndarray]:
    found = sorted((out / "masks").rglob("*.png"))
    return {
        path.relative_to(out / "masks").as_posix(): np.array(Image.open(path))
        for path in found
    }


def test_frames_equal_images(predict, clip, images, tmp_path, capsys):
    """Beside images, in a batch, with confidence."""
    out = predict(clip.parents[1], images, "--confidence", "--batch-size", "4")
    assert f"3 images and {FRAMES} frames of 1 video predicted" in (
        capsys.readouterr().out
    )
    written = masks(out)
    names = [f"sub/clip/{i:06d}.png" for i in range(1, FRAMES + 1)]
    assert [name for name in written if "clip" in name] == names
    assert {"a.png", "b.png", "sub/c.png"} < set(written)
    stills = tmp_path / "stills"
    stills.mkdir()
    for number, frame in enumerate(open_video(clip), 1):
        cv2.imwrite(str(stills / f"{number:06d}.png"), frame)
    painted = list(open_video(out / "overlays" / "sub" / "clip.mp4"))
    assert len(painted) == FRAMES
    # The legend is below.
    assert painted[0].shape[0] > 34
    record = json.loads((out / "predictions.json").read_text())
    assert [each["id"] for each in record["images"]] == [
        *("a", "b", "sub/c"),
        *(name.removesuffix(".png") for name in names),
    ]
    with (out / "confidence.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 1 + 3 + FRAMES
    confidence = out / "confidence" / "sub" / "clip"
    assert len(list(confidence.iterdir())) == FRAMES
    alone = predict(stills)
    for name in names:
        np.testing.assert_array_equal(
            written[name], masks(alone)[Path(name).name], err_msg=name
        )


def test_masks_of_frames_go_into_an_annotation_tool(predict, clip, run_tool, tmp_path):
    out = predict(clip)
    stills = tmp_path / "frames" / "clip"
    stills.mkdir(parents=True)
    for number, frame in enumerate(open_video(clip), 1):
        cv2.imwrite(str(stills / f"{number:06d}.png"), frame)
    for options in ([], ["--images", stills.parent]):
        coco = tmp_path / f"masks{len(options)}.json"
        with pytest.raises(SystemExit) if not options else nullcontext():
            run_tool(
                *("export_masks.py", out, "--format", "coco", "--out", coco, *options)
            )
    names = [image["file_name"] for image in json.loads(coco.read_text())["images"]]
    assert names == [f"clip/{i:06d}.png" for i in range(1, FRAMES + 1)]


def test_an_interrupted_video_goes_on(predict, clip, monkeypatch, capsys):
    load, loaded = Predictor.predict, []

    def dies(self, given):
        if len(loaded) == 4:
            raise KeyboardInterrupt
        loaded.append(given)
        return load(self, given)

    monkeypatch.setattr(Predictor, "predict", dies)
    with pytest.raises(KeyboardInterrupt):
        predict(clip)
    loaded.clear()
    monkeypatch.setattr(
        Predictor, "predict", lambda s, g: loaded.append(g) or load(s, g)
    )
    capsys.readouterr()
    out = predict(clip)
    assert len(loaded) == FRAMES - 4
    shown = capsys.readouterr().out
    assert f"{FRAMES} frames of 1 video predicted" in shown
    assert "4 of them earlier" in shown
    assert f"{FRAMES}/{FRAMES} frames" in shown
    assert len(list(open_video(out / "overlays" / "clip.mp4"))) == FRAMES
    assert len(masks(out)) == FRAMES
    assert len(json.loads((out / "predictions.json").read_text())["images"]) == FRAMES
    # Once more, nothing is left to do.
    loaded.clear()
    overlay = (out / "overlays" / "clip.mp4").stat().st_mtime_ns
    predict(clip)
    assert loaded == []
    assert (out / "overlays" / "clip.mp4").stat().st_mtime_ns == overlay


def test_a_changed_video_is_predicted_anew(predict, clip):
    before = masks(predict(clip))
    assert write_video(clip, (255 - each for each in pictures(8)), 10) == ""
    after = masks(predict(clip))
    assert len(after) == 8
    assert any((after[name] != mask).any() for name, mask in before.items())


def test_a_shorter_video_leaves_no_mask_of_the_longer(predict, clip):
    out = predict(clip, "--confidence")
    other = out / "masks" / "clip" / "000009.png"
    Image.new("P", (4, 4)).save(other)
    assert write_video(clip, pictures(2), 10) == ""
    assert len(masks(predict(clip, "--confidence"))) == 3
    assert len(list((out / "confidence" / "clip").iterdir())) == 2
    # It is of something else.
    assert other.is_file()


def test_a_journal_of_somebody_else_removes_nothing(predict, clip, tmp_path):
    out = predict(clip)
    precious = tmp_path / "precious" / "000009.png"
    precious.parent.mkdir()
    precious.write_bytes(b"mine")
    result = str(precious.with_suffix(""))
    line = {"result": result, "bytes": 1, "modified": 1, "mean": None}
    with (out / "finished.jsonl").open("a") as file:
        for name in ("000009.png", "x.png"):
            file.write(json.dumps({"image": str(clip / name), **line}) + "\n")
    predict(clip)
    assert precious.is_file()
    assert len(masks(out)) == FRAMES


def test_images_and_frames_are_left_out_together(predict, clip, images, capsys):
    for earlier in ("; ", f", {3 + FRAMES} of them earlier"):
        out = predict(clip.parents[1], images)
        assert f"by the student into {out}{earlier}" in capsys.readouterr().out


def test_a_video_that_is_cut_off_is_named(predict, clip, monkeypatch, capsys):
    whole = videos.open_video

    def cut_off(path: Path):
        video = whole(path)
        monkeypatch.setattr(video, "_frame_cnt", 3 * FRAMES)
        return video

    monkeypatch.setattr(videos, "open_video", cut_off)
    with pytest.raises(SystemExit) as ended:
        predict(clip)
    assert ended.value.code == 1
    shown = capsys.readouterr()
    assert f"{FRAMES} frames of 1 video predicted" in shown.out
    assert f"{FRAMES} frames could be decoded and are predicted, 18 are" in shown.err


def test_what_is_no_video_does_not_stop_the_others(predict, clip, capsys):
    (clip.parent / "broken.avi").write_bytes(b"nothing")
    with pytest.raises(SystemExit):
        predict(clip.parents[1])
    shown = capsys.readouterr()
    assert "broken.avi: cannot be decoded as a video" in shown.err
    assert f"{FRAMES} frames of 2 videos" in shown.out


def test_windows_are_for_images(predict, clip):
    with pytest.raises(SystemExit, match="--window is for images, and .*clip.mp4 is"):
        predict(clip, "--window", "32")


def test_an_image_among_the_frames_is_refused(predict, clip):
    image = clip.parent / "clip" / "000001.png"
    image.parent.mkdir()
    Image.new("RGB", (20, 20)).save(image)
    with pytest.raises(SystemExit, match="would be in one folder, masks/sub/clip"):
        predict(clip.parents[1])
