from __future__ import annotations

import sys

import numpy as np
import pytest
from channel_images import SIZE, pixels, write

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.datasets.channel_files import read_channels, tiff_size
from mmseg_semisup.datasets.read_image import read_picture


@pytest.mark.parametrize("planes", ["separate", "pages"])
def test_channels_as_planes_and_pages(tmp_path, planes):
    tifffile = pytest.importorskip("tifffile")
    values = pixels(4)
    moved = np.moveaxis(values, 2, 0)
    path = tmp_path / "a.tif"
    if planes == "pages":
        tifffile.imwrite(path, moved, photometric="minisblack")
    else:
        tifffile.imwrite(path, moved, photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_channels(str(path)), values)
    assert tiff_size(str(path)) == (*SIZE, 4)


def test_several_images_are_refused(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    path = str(tmp_path / "a.tif")
    with tifffile.TiffWriter(path) as file:
        file.write(pixels(1)[..., 0])
        file.write(pixels(1, size=(3, 4))[..., 0])
    with pytest.raises(
        DataError, match="it has 2 images with the axes YX; allowed: on"
    ):
        read_channels(path)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    path = write(tmp_path / "a.tif", pixels(5))
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(DataError, match="need tifffile .pip install tifffile"):
        read_channels(path)


def test_pictures_of_any_file(tmp_path):
    values = pixels(5)
    picture = read_picture(write(tmp_path / "a.tif", values))
    assert (picture.shape, picture.dtype) == ((*SIZE, 3), np.uint8)
    assert {picture.min(), picture.max()} == {0, 255}
    order = np.argsort(values[..., 1].ravel())
    assert (np.diff(picture[..., 1].ravel()[order].astype(int)) >= 0).all()
    grey = read_picture(write(tmp_path / "a.png", pixels(1)))
    assert (grey[..., 0] == grey[..., 2]).all()
    photo = pixels(3, np.uint8, high=255)
    assert np.array_equal(read_picture(write(tmp_path / "b.png", photo)), photo)
