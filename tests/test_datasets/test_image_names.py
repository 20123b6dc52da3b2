from __future__ import annotations

import pytest
from annotated import draw_predictions
from PIL import Image

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.datasets.image_names import ImageNames


@pytest.fixture
def images(tmp_path):
    names = ["a.png", "x/b.png", "y/b.png", "x/c.png"]
    draw_predictions(tmp_path, dict.fromkeys(names, (5, 6)))
    return ImageNames(tmp_path / "photos")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a.png", "a"),
        ("/data/upload/3/0123abcd-a.png", "a"),
        ("photos\\x\\b.png", "x/b"),
        ("/home/me/photos/y/b.png", "y/b"),
        ("c.png", "x/c"),
    ],
)
def test_tools_name_images_in_their_own_way(images, name, key):
    assert images.find(name)[0] == key


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("b.png", "several images have this name: x/b.png, y/b.png"),
        ("d.png", "there is no such image in"),
        ("", "there is no such image in"),
    ],
)
def test_none_or_several(images, name, words):
    with pytest.raises(DataError, match=words):
        images.find(name)


def test_folders_without_images(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        ImageNames(tmp_path / "no")
    with pytest.raises(DataError, match="no image in"):
        ImageNames(tmp_path)
    for suffix in ("png", "bmp"):
        Image.new("RGB", (2, 2)).save(tmp_path / f"a.{suffix}")
    with pytest.raises(DataError, match="have the same id 'a'"):
        ImageNames(tmp_path)
