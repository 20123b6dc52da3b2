from __future__ import annotations

import json

import pytest
from annotated import CLASSES, draw_predictions

from mmseg_semisup.core.errors import ConfigError, StoreError
from mmseg_semisup.export.mask_folders import MaskFile, read_mask_folder


@pytest.mark.parametrize(
    ("key", "image", "name"),
    [
        ("a", "/x/a.jpg", "a.jpg"),
        ("sub/a", "x/sub/a.png", "sub/a.png"),
        ("a.jpg", "x/a.jpg", "a.jpg"),
        ("a.jpg", "x/a.jpg.jpg", "a.jpg.jpg"),
        ("v1.5", "x/v1.5.tif", "v1.5.tif"),
    ],
)
def test_names_have_the_suffix_of_the_image(key, image, name):
    assert MaskFile(key, image, "", "").name == name


def test_predictions(tmp_path):
    draw_predictions(tmp_path, {"sub/a.png": (4, 5), "b.bmp": (6, 7)})
    found = read_mask_folder(tmp_path / "predictions")
    assert [file.name for file in found.files] == ["sub/a.png", "b.bmp"]
    assert found.classes == list(CLASSES)
    assert len(found.palette) == 3
    assert found.files[0].image == str(tmp_path / "photos" / "sub" / "a.png")


def test_images_that_were_moved(tmp_path):
    draw_predictions(tmp_path, {"sub/a.png": (4, 5)})
    (tmp_path / "photos").rename(tmp_path / "moved")
    (file,) = read_mask_folder(tmp_path / "predictions", tmp_path / "moved").files
    assert file.image == str(tmp_path / "moved" / "sub/a.png")


def test_a_plain_folder(tmp_path):
    draw_predictions(tmp_path, {"sub/a.png": (4, 5)})
    (tmp_path / "predictions" / "predictions.json").unlink()
    (tmp_path / "predictions" / "masks").rename(tmp_path / "plain")
    with pytest.raises(ConfigError, match="has neither manifest.json .*--classes"):
        read_mask_folder(tmp_path / "plain")
    found = read_mask_folder(tmp_path / "plain", str(tmp_path / "photos"), CLASSES)
    (file,) = found.files
    assert (file.name, file.image) == ("sub/a.png", f"{tmp_path}/photos/sub/a.png")
    assert file.mask == f"{tmp_path}/plain/sub/a.png"


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"images": []}, "predictions has no mask"),
        ({"images": [{"id": "../a", "image": "a"}]}, "no path below"),
        ({"classes": 3}, "classes is 3, and not a list"),
        ({"palette": [["x"]]}, r"palette\[0\]\[0\] is 'x'"),
    ],
)
def test_a_record_that_is_not_used(tmp_path, values, words):
    draw_predictions(tmp_path, {"a.png": (4, 5)})
    change(tmp_path / "predictions" / "predictions.json", **values)
    with pytest.raises(ConfigError, match=words):
        read_mask_folder(tmp_path / "predictions")


def test_other_classes(tmp_path):
    draw_predictions(tmp_path, {"a.png": (4, 5)})
    with pytest.raises(ConfigError, match="--classes are car, those of .* are backg"):
        read_mask_folder(tmp_path / "predictions", classes=["car"])


def test_no_folder_and_a_store_that_is_not_complete(tmp_path):
    with pytest.raises(ConfigError, match="there is no folder"):
        read_mask_folder(tmp_path / "no")
    (tmp_path / "progress").mkdir()
    with pytest.raises(StoreError, match="are not complete"):
        read_mask_folder(tmp_path)
