"""Images and masks are read as mmcv's transforms read them, or refused by name."""

from __future__ import annotations

import os

import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.datasets.image_headers import Reader
from mmseg_semisup.datasets.read_image import load, read_image, read_mask

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8)


def damage(path, content=0):
    """Overwrite a quarter of a file, in its middle."""
    found = bytearray(path.read_bytes())
    middle, count = len(found) // 2, len(found) // 4
    found[middle : middle + count] = bytes([content]) * count
    path.write_bytes(found)


@pytest.fixture
def photo(tmp_path):
    """A function that writes an image with structure."""

    def write(name, **options):
        path = tmp_path / name
        image = Image.fromarray(PIXELS).resize((180, 240), Image.Resampling.BICUBIC)
        image.save(path, **options)
        return path

    return write


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.jpg", {}),
        ("b.jpg", {"progressive": True}),
        ("a.png", {}),
        ("a.tif", {"compression": "tiff_lzw"}),
        ("b.tif", {"compression": "tiff_adobe_deflate"}),
        ("a.gif", {}),
    ],
)
def test_damage_within_an_image(photo, name, options, capfd):
    path = photo(name, **options)
    assert read_image(str(path)).shape == (240, 180, 3)
    damage(path)
    for read in (
        lambda: read_image(str(path)),
        lambda: load(LoadImageFromFile(), {"img_path": str(path)}),
    ):
        with pytest.raises(ImageFileError, match=f"^{path}: .*(damaged|decoded)"):
            read()
    assert "JPEG" not in capfd.readouterr().err


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_damage_within_a_mask(tmp_path, suffix):
    path = tmp_path / f"mask.{suffix}"
    mask = PIXELS[..., 0].repeat(9, 0).repeat(9, 1)
    Image.fromarray(mask).save(path)
    assert (read_mask(str(path)) == mask).all()
    path.write_bytes(path.read_bytes()[:-300])
    results = {"seg_map_path": str(path), "reduce_zero_label": False, "seg_fields": []}
    for read in (
        lambda: read_mask(str(path)),
        lambda: load(LoadAnnotations(), results),
    ):
        with pytest.raises(ImageFileError, match=f"^{path}: "):
            read()
    assert results["seg_fields"] == []


def test_a_loaded_mask_is_listed_once(tmp_path):
    path = tmp_path / "mask.png"
    Image.fromarray(PIXELS[..., 0]).save(path)
    results = {"seg_map_path": str(path), "reduce_zero_label": False, "seg_fields": []}
    assert load(LoadAnnotations(), results)["seg_fields"] == ["gt_seg_map"]


def several(image, path):
    image.save(path, save_all=True, append_images=[image])


def turned(image, path):
    exif = Image.Exif()
    exif[274] = 3
    image.save(path, exif=exif)


@pytest.mark.parametrize(
    ("suffix", "write", "reason"),
    [
        ("png", turned, r"an entry of its orientation \(3\)"),
        ("tif", several, "several frames"),
        ("png", several, "several frames"),
    ],
)
def test_masks_that_are_read_otherwise(tmp_path, suffix, write, reason):
    path = tmp_path / f"mask.{suffix}"
    write(Image.fromarray(PIXELS[..., 0]), path)
    with pytest.raises(ImageFileError, match=f"^{path}: .*{reason}"):
        read_mask(str(path))


def test_the_orders_of_colours(tmp_path):
    path = str(tmp_path / "a.png")
    Image.fromarray(PIXELS).save(path)
    for backend in ("cv2", "pillow"):
        reader = Reader(backend=backend)
        assert (read_image(path, reader) == PIXELS[..., ::-1]).all()
        assert (read_image(path, reader, "rgb") == PIXELS).all()


@pytest.mark.parametrize("read", [read_image, read_mask])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "plain file"),
        (lambda path: os.mkfifo(path), "plain file"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_text("<html>"), "not an image"),
    ],
)
def test_what_is_no_file(tmp_path, make, reason, read):
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(ImageFileError, match=f"^{path}: .*{reason}"):
        read(str(path))
