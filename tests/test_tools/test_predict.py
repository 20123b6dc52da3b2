from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.core import file_names
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.export.folder import predict_folder
from mmseg_semisup.export.prediction_files import PredictionFiles, find_images
from mmseg_semisup.export.predictor import PredictedImage, Predictor


def test_masks_and_overlays(run_tool, config, checkpoint, images, tmp_path, capsys):
    out = tmp_path / "out"
    run_tool("predict.py", config, checkpoint, images, "--out", out)
    masks = sorted(p.relative_to(out).as_posix() for p in out.rglob("*.png"))
    assert masks == ["masks/a.png", "masks/b.png", "masks/sub/c.png"]
    mask = Image.open(out / "masks" / "b.png")
    assert mask.mode == "P"
    assert mask.size == (24, 64)
    assert mask.getpalette()[3:9] == [255, 0, 0, 0, 255, 0]
    assert set(np.unique(mask)) <= {0, 1, 2}
    # The legend is below the image, and widens it.
    width, height = Image.open(out / "overlays" / "a.jpg").size
    assert (width, height > 30) == (240, True)
    assert not (out / "confidence").exists()
    assert "3/3 images" in capsys.readouterr().out


def test_confidence(run_tool, config, checkpoint, images, tmp_path):
    out = tmp_path / "out"
    run_tool("predict.py", config, checkpoint, images, "--out", out, "--confidence")
    predict = Predictor(load_config(config), load_checkpoint_file(checkpoint))
    for name, file in (("a", "a.jpg"), ("sub/c", "sub/c.png")):
        written = np.array(Image.open(out / "confidence" / f"{name}.png"))
        assert written.dtype == np.uint8
        # The probability of the predicted class, from the logits.
        model, data = predict.model, predict.load(str(images / file))
        batch = {key: [value] for key, value in data.items()}
        with torch.no_grad():
            result = model.test_step(batch)[0]
        probs = result.seg_logits.data.double().softmax(dim=0)
        expected = probs.gather(0, result.pred_sem_seg.data)[0].numpy()
        assert np.abs(written / 255 - expected).max() <= 0.5 / 255 + 1e-5
        assert (out / "pictures" / f"{name}.jpg").is_file()
    with (out / "confidence.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["image", "mean confidence"]
    means = [float(mean) for _, mean in rows]
    assert means == sorted(means)
    assert {Path(path).name for path, _ in rows} == {"a.jpg", "b.png", "c.png"}


def test_the_mean_of_several_networks(run_tool, config, checkpoint, images, tmp_path):
    names = ("student", "teacher")
    content = load_checkpoint_file(checkpoint)
    for key, value in content["state_dict"].items():
        if key.startswith("teacher.network.decode_head.conv_seg"):
            value.normal_(generator=torch.Generator().manual_seed(0))
    torch.save(content, checkpoint)
    options = [part for name in names for part in ("--network", name)]
    out = tmp_path / "out"
    run_tool(
        "predict.py", config, checkpoint, images, "--out", out, "--confidence", *options
    )
    probs = []
    for name in names:
        predict = Predictor(load_config(config), content, name)
        data = predict.load(str(images / "a.jpg"))
        with torch.no_grad():
            batch = {key: [value] for key, value in data.items()}
            result = predict.model.test_step(batch)[0]
        probs.append(result.seg_logits.data.softmax(dim=0))
    assert not torch.equal(*(each.argmax(0) for each in probs))
    mean = sum(probs) / 2
    mask = np.array(Image.open(out / "masks" / "a.png"))
    assert np.array_equal(mask, mean.argmax(0).numpy())
    written = np.array(Image.open(out / "confidence" / "a.png"))
    assert np.abs(written / 255 - mean.amax(0).numpy()).max() <= 0.5 / 255 + 1e-5


def test_exported_model_predicts_the_same(
    run_tool, config, checkpoint, images, tmp_path
):
    exported = tmp_path / "exported"
    run_tool("export.py", config, checkpoint, "--out", exported, "--network", "teacher")
    plain = exported / "config.py", exported / "model.pth"
    run_tool("predict.py", *plain, images, "--out", tmp_path / "plain")
    semi = config, checkpoint, images, "--out", tmp_path / "semi"
    run_tool("predict.py", *semi, "--network", "teacher")
    for name in ("a", "b", "sub/c"):
        first, second = (
            np.array(Image.open(tmp_path / kind / "masks" / f"{name}.png"))
            for kind in ("plain", "semi")
        )
        np.testing.assert_array_equal(first, second)


def test_bad_image_is_named_and_skipped(
    run_tool, config, checkpoint, images, tmp_path, capsys
):
    (images / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    with pytest.raises(SystemExit) as ended:
        run_tool("predict.py", config, checkpoint, images, "--out", tmp_path / "out")
    assert ended.value.code == 1
    captured = capsys.readouterr()
    assert "3 images predicted" in captured.out
    assert f"{images / 'broken.jpg'}: the file is cut off" in captured.err
    assert (tmp_path / "out" / "masks" / "sub" / "c.png").is_file()


def test_plain_model_has_no_teacher(run_tool, config, checkpoint, images, tmp_path):
    out = tmp_path / "exported"
    run_tool("export.py", config, checkpoint, "--out", out)
    plain = out / "config.py", out / "model.pth", images, "--out", tmp_path
    with pytest.raises(
        SystemExit, match=r"network='teacher', but .* has \['student'\]"
    ):
        run_tool("predict.py", *plain, "--network", "teacher")


def test_no_image(run_tool, config, checkpoint, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SystemExit, match="no image in .*empty"):
        run_tool("predict.py", config, checkpoint, empty, "--out", tmp_path)
    with pytest.raises(ConfigError, match="no file or folder"):
        find_images([tmp_path / "nowhere"])


def test_names_of_results(images, tmp_path):
    (images / "a.png").write_bytes((images / "b.png").read_bytes())
    names = [str(name) for _, name in find_images([images])]
    assert names == ["a.jpg", "a.png", "b", "sub/c"]
    other = tmp_path / "b.png"
    other.write_bytes((images / "b.png").read_bytes())
    with pytest.raises(ConfigError, match="same name"):
        find_images([images, other])


def test_a_list_of_images(images, tmp_path):
    path = tmp_path / "next.txt"
    path.write_text(f"images/a.jpg\n\n{images / 'sub' / 'c.png'}\n")
    found = find_images([path])
    assert found == [
        (images / "a.jpg", Path("a")),
        (images / "sub/c.png", Path("sub/c")),
    ]
    path.write_text("images/a.jpg\nnowhere.jpg\n")
    with pytest.raises(ConfigError, match="no files for 1 of 2 lines.*nowhere.jpg"):
        find_images([path])
    path.write_text("\n")
    with pytest.raises(ConfigError, match="no image in .*next.txt"):
        find_images([path])


def test_a_file_system_that_takes_two_results_for_one(images, tmp_path, monkeypatch):
    for name in ("A.jpg", "sub/C.png"):
        (images / name).write_bytes(b"")
    monkeypatch.setattr(file_names, "_are_one", lambda *_: True)
    expected = "overwrite each other: A and a, sub/C and sub/c; rename"
    files = PredictionFiles(tmp_path, ["road"], [[0, 0, 0]])
    with pytest.raises(ConfigError, match=expected):
        predict_folder(Predictor, find_images([images]), files)


def test_overlay_mixes_image_and_colour(tmp_path):
    path = tmp_path / "grey.png"
    Image.fromarray(np.full((16, 16, 3), 100, np.uint8)).save(path)
    labels = np.ones((16, 16), np.uint8)
    found = PredictedImage(labels, labels.astype(np.float32))
    files = PredictionFiles(tmp_path, ["road", "sky"], [[0, 0, 0], [200, 0, 40]], 0.25)
    picture = np.array(Image.open(path))
    assert files.write(Path("grey"), picture, found) is None
    overlay = np.array(Image.open(tmp_path / "overlays" / "grey.jpg")).astype(int)
    # A quarter of the colour, three quarters of 57 and of three quarters of the grey.
    assert abs(overlay[:14, :14] - [149, 99, 109]).max() <= 3
    swatch = overlay[29:37, 5:12]
    assert abs(swatch - [200, 0, 40]).max() <= 24


def test_a_second_call_predicts_what_is_left(
    run_tool, config, checkpoint, images, tmp_path, capsys, monkeypatch
):
    arguments = config, checkpoint, images, "--out", tmp_path / "out", "--confidence"
    (images / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    with pytest.raises(SystemExit):
        run_tool("predict.py", *arguments)
    (images / "broken.jpg").write_bytes((images / "a.jpg").read_bytes())
    (tmp_path / "out" / "masks" / "b.png").unlink()
    changed = np.zeros((9, 12, 3), np.uint8)
    Image.fromarray(changed).save(images / "sub" / "c.png")
    loaded = []
    capsys.readouterr()
    original = Predictor.predict

    def predict(self, batch):
        loaded.extend(Path(each["data_samples"].img_path).name for each in batch)
        return original(self, batch)

    monkeypatch.setattr(Predictor, "predict", predict)
    run_tool("predict.py", *arguments)
    assert sorted(loaded) == ["b.png", "broken.jpg", "c.png"]
    printed = capsys.readouterr().out
    assert "4/4 images" in printed
    assert "4 images predicted" in printed
    assert "1 of them earlier" in printed
    assert Image.open(tmp_path / "out" / "masks" / "sub" / "c.png").size == (12, 9)
    with (tmp_path / "out" / "confidence.csv").open(newline="") as file:
        names = {Path(row[0]).name for row in list(csv.reader(file))[1:]}
    assert names == {"a.jpg", "b.png", "broken.jpg", "c.png"}
    # Without an option that the results depend on, all are made anew.
    loaded.clear()
    run_tool("predict.py", *arguments[:-1])
    assert len(loaded) == 4
    assert "results of other weights or options" in capsys.readouterr().out


def test_large_images_in_windows(
    run_tool, config, checkpoint, images, tmp_path, capsys
):
    """At the pixels of the file; a single window is the whole image."""
    np.save(images / "d.npy", np.array(Image.open(images / "b.png")))
    out = tmp_path / "out"
    options = "--window", 64, "--confidence", "--batch-size", 2
    run_tool("predict.py", config, checkpoint, images, "--out", out, *options)
    printed = capsys.readouterr().out
    assert "windows of 64 x 64 pixels that share 16 x 16" in printed
    assert re.search(r"; [\d.]+ images a second\n$", printed)
    predict = Predictor(load_config(config), load_checkpoint_file(checkpoint))
    predict.load.pipeline.pop(1)
    for name, file in (("a", "a.jpg"), ("b", "b.png"), ("d", "b.png")):
        expected = predict(images / file)
        mask = Image.open(out / "masks" / f"{name}.png")
        assert mask.mode == "P"
        assert np.array_equal(mask, expected.labels)
        levels = np.array(Image.open(out / "confidence" / f"{name}.png"))
        assert np.abs(levels / 255 - expected.confidence).max() <= 0.5 / 255 + 1e-5
        assert (out / "overlays" / f"{name}.jpg").is_file()
    with (out / "confidence.csv").open(newline="") as csv_file:
        means = {
            Path(row[0]).name: float(row[1]) for row in list(csv.reader(csv_file))[1:]
        }
    assert abs(means["d.npy"] - expected.confidence.mean()) < 1e-3
    run_tool("predict.py", config, checkpoint, images, "--out", out, *options)
    assert capsys.readouterr().out.endswith("4 of them earlier\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--window", "32", "--overlap", "32"], "--overlap 32: allowed: 0 to 31"),
        (["--window", "-1"], "--window: side=-1; allowed: 1"),
        (["--batch-size", "0"], "--batch-size: batch_size=0; allowed: 1"),
    ],
)
def test_options_that_are_not_allowed(
    run_tool, config, checkpoint, images, tmp_path, options, message
):
    with pytest.raises(SystemExit, match=message):
        run_tool(
            "predict.py", config, checkpoint, images, "--out", tmp_path / "o", *options
        )


def test_steps_that_windows_cannot_have(run_tool, config, checkpoint, images, tmp_path):
    text = config.read_text()
    step = "dict(type='Rerange', min_value=0, max_value=1),\n    dict(type='PackSeg"
    config.write_text(text.replace("dict(type='PackSeg", step))
    out = "--out", tmp_path / "out", "--window"
    with pytest.raises(SystemExit, match="has Rerange, which windows .* cannot have"):
        run_tool("predict.py", config, checkpoint, images, *out)
