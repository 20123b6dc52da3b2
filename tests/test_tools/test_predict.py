from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.export.predictor import find_images, predict_folder
from mmseg_semisup.visualization.palette import default_palette


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
    assert Image.open(out / "overlays" / "sub" / "c.jpg").size == (9, 9)
    assert "3/3 images" in capsys.readouterr().out


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
    assert f"{images / 'broken.jpg'}: ValueError: not a readable image" in captured.err
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


def test_overlay_mixes_image_and_colour(tmp_path):
    path = tmp_path / "grey.png"
    Image.fromarray(np.full((16, 16, 3), 100, np.uint8)).save(path)
    failed = predict_folder(
        lambda _: np.ones((16, 16), np.uint8),
        find_images([path]),
        tmp_path,
        palette=[[0, 0, 0], [200, 0, 40]],
        opacity=0.25,
    )
    assert not failed
    overlay = np.array(Image.open(tmp_path / "overlays" / "grey.jpg")).astype(int)
    assert abs(overlay - [125, 75, 85]).max() <= 3


def test_default_palette_has_different_colours():
    colours = default_palette(150)
    assert len(set(map(tuple, colours))) == 150
    assert colours[0] == [0, 0, 0]
    assert colours[1] == [128, 0, 0]
