"""Parts of images equal those of the whole image."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.datasets import pixel_windows
from mmseg_semisup.datasets.pixel_windows import ArrayWindows, TiffWindows, open_windows

PARTS = [
    (slice(0, 67), slice(0, 93)),
    (slice(5, 40), slice(17, 91)),
    (slice(66, 67), slice(92, 93)),
]
MODES = {"RGB": (67, 93, 3), "L": (67, 93), "RGBA": (67, 93, 4)}


def pixels(*shape):
    """Smooth enough for JPEG."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    planes = [(y * (i + 1) + x * (3 - i)) % 256 for i in range(4)]
    whole = np.stack(planes, axis=2).astype(np.uint8)
    return whole[..., 0] if len(shape) == 2 else whole[..., : shape[2]]


def colours(image):
    return np.repeat(image[..., None], 3, 2) if image.ndim == 2 else image[..., :3]


@pytest.mark.parametrize(
    "compression", [None, "tiff_lzw", "tiff_adobe_deflate", "jpeg"]
)
@pytest.mark.parametrize("mode", MODES)
def test_strips_of_a_tiff_file(tmp_path, monkeypatch, mode, compression):
    if mode == "RGBA" and compression == "jpeg":
        pytest.skip("there is no such file")
    path = tmp_path / "image.tif"
    image = Image.fromarray(pixels(*MODES[mode]))
    image.save(path, compression=compression, tiffinfo={278: 16})
    whole = np.array(Image.open(path))
    with open_windows(path, tmp_path) as found:
        assert isinstance(found, TiffWindows)
        assert found.block == (16, 93)
        assert found.size == (67, 93)
        # One strip at a time is kept.
        monkeypatch.setattr(pixel_windows, "KEPT", 1)
        for rows, columns in PARTS:
            part = found.read(rows, columns)
            np.testing.assert_array_equal(part, colours(whole[rows, columns]))
        assert len(found._kept) == 1


def write_tiles(path, image, side, order="<"):
    """A TIFF file of deflated tiles, which Pillow cannot write."""
    height, width = image.shape[:2]
    tiles = []
    for y in range(0, height, side):
        for x in range(0, width, side):
            tile = np.zeros((side, side, 3), np.uint8)
            part = image[y : y + side, x : x + side]
            tile[: part.shape[0], : part.shape[1]] = part
            tiles.append(zlib.compress(tile.tobytes()))
    content, offsets = b"", []
    for tile in tiles:
        offsets.append(8 + len(content))
        content += tile
    lists = 8 + len(content)
    arrays = struct.pack(f"{order}3H", 8, 8, 8)
    arrays += struct.pack(f"{order}{len(tiles)}I", *offsets)
    arrays += struct.pack(f"{order}{len(tiles)}I", *map(len, tiles))
    entries = [
        *((256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, lists)),
        *((259, 3, 1, 8), (262, 3, 1, 2), (277, 3, 1, 3), (284, 3, 1, 1)),
        *((322, 3, 1, side), (323, 3, 1, side), (324, 4, len(tiles), lists + 6)),
        (325, 4, len(tiles), lists + 6 + 4 * len(tiles)),
    ]
    directory = struct.pack(f"{order}H", len(entries))
    for tag, kind, count, value in entries:
        single = f"{order}HHIHxx" if kind == 3 and count == 1 else f"{order}HHII"
        directory += struct.pack(single, tag, kind, count, value)
    begin = lists + len(arrays)
    head = b"II" if order == "<" else b"MM"
    head += struct.pack(f"{order}HI", 42, begin)
    path.write_bytes(head + content + arrays + directory + struct.pack("I", 0))


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiles_of_a_tiff_file(tmp_path, order):
    path = tmp_path / "image.tiff"
    image = pixels(67, 93, 3)
    write_tiles(path, image, 32, order)
    np.testing.assert_array_equal(np.array(Image.open(path)), image)
    with open_windows(path, tmp_path) as found:
        assert isinstance(found, TiffWindows)
        assert found.block == (32, 32)
        for rows, columns in PARTS:
            part = found.read(rows, columns)
            np.testing.assert_array_equal(part, image[rows, columns])


@pytest.mark.parametrize("shape", MODES.values())
def test_an_array_is_mapped(tmp_path, shape):
    path = tmp_path / "image.npy"
    np.save(path, pixels(*shape))
    if shape[2:] == (4,):
        with pytest.raises(ImageFileError, match=r"shape \(67, 93, 4\); allowed"):
            next(open_windows(path, tmp_path).gen)
        return
    with open_windows(path, tmp_path) as found:
        assert isinstance(found.pixels, np.memmap)
        for rows, columns in PARTS:
            part = found.read(rows, columns)
            np.testing.assert_array_equal(part, colours(pixels(*shape)[rows, columns]))


@pytest.mark.parametrize("name", ["image.png", "image.tif"])
def test_other_files_are_decoded_once(tmp_path, name):
    """Also TIFF files whose pixels are stored in another way, as 16 bits."""
    image = pixels(67, 93)
    if name == "image.tif":
        image = image.astype(np.uint16) * 257
    Image.fromarray(image).save(tmp_path / name)
    with open_windows(tmp_path / name, tmp_path) as found:
        assert isinstance(found, ArrayWindows)
        assert isinstance(found.pixels, np.memmap)
        rows, columns = PARTS[1]
        expected = colours(pixels(67, 93)[rows, columns])
        np.testing.assert_array_equal(found.read(rows, columns), expected)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "image.tif"
    image = Image.fromarray(pixels(67, 93, 3))
    image.save(path, compression="tiff_adobe_deflate", tiffinfo={278: 16})
    with open_windows(path, tmp_path) as found:
        path.write_bytes(path.read_bytes()[: found.offsets[3]])
        with pytest.raises(ImageFileError, match=r"image.tif: strip 3 cannot be deco"):
            found.read(*PARTS[0])
    for name in ("damaged.tif", "damaged.npy", "damaged.png"):
        (tmp_path / name).write_bytes(b"II*\0nothing")
        with (
            pytest.raises(ImageFileError, match=name),
            open_windows(tmp_path / name, tmp_path),
        ):
            pass
