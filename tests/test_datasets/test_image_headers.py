"""The size that a header promises is that of the image that mmcv returns."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import mmcv
import numpy as np
import pytest
from PIL import Image

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.datasets.image_headers import Reader, image_size, read_header

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/'
    b'02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/'
    b'" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
READERS = [
    Reader(color, backend)
    for color in ("color", "grayscale", "unchanged", "color_ignore_orientation")
    for backend in ("cv2", "pillow")
]


def chunk(kind, content=b""):
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def encoded(kind, orientation=None, **options):
    if orientation is not None:
        exif = Image.Exif()
        exif[274] = orientation
        tags = {274: orientation}
        options |= {"tiffinfo": tags} if kind == "TIFF" else {"exif": exif}
    content = io.BytesIO()
    Image.new("RGB", (30, 24)).save(content, kind, **options)
    return content.getvalue()


def late_exif():
    """A PNG file with its EXIF entry behind the pixels."""
    exif = Image.Exif()
    exif[274] = 6
    content, end = encoded("PNG"), chunk(b"IEND")
    body = exif.tobytes().removeprefix(b"Exif\0\0")
    return content.removesuffix(end) + chunk(b"eXIf", body) + end


FILES = {
    **{f"{o}.jpg": encoded("JPEG", o) for o in (1, 3, 5, 6, 8, 77)},
    "6.png": encoded("PNG", 6),
    "late.png": late_exif(),
    "6.webp": encoded("WEBP", 6),
    "6.tif": encoded("TIFF", 6),
    "8.tif": encoded("TIFF", 8, compression="tiff_lzw"),
    "xmp.jpg": encoded("JPEG", xmp=XMP),
    "xmp.webp": encoded("WEBP", xmp=XMP),
    "plain.bmp": encoded("BMP"),
    "plain.gif": encoded("GIF"),
}


@pytest.mark.parametrize("name", FILES)
def test_sizes(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FILES[name])
    for reader in READERS:
        image = mmcv.imfrombytes(FILES[name], reader.color_type, backend=reader.backend)
        assert image_size(str(path), reader) == image.shape[:2], reader


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations(tmp_path, orientation):
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded("JPEG", orientation))
    header = read_header(str(path))
    assert header.orientation == header.turned() == orientation
    assert header.turned(Reader("unchanged")) == 1


def test_frames_and_transparency(tmp_path):
    def read(image, name, **options):
        path = tmp_path / name
        image.save(path, **options)
        return read_header(str(path))

    image = Image.new("RGB", (30, 24))
    again = {"save_all": True, "append_images": [Image.new("RGB", (30, 24), "red")]}
    for name in ("a.gif", "a.png", "a.webp", "a.tif"):
        assert not read(image, name).animated
        assert read(image, name, **again).animated
    assert not read(image, "a.png").transparent
    assert read(image.convert("RGBA"), "a.png").transparent
    assert read(image.convert("P"), "a.png", transparency=0).transparent


def bomb():
    """A PNG file of some bytes that promises 10^10 pixels."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0" * 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bomb(), "more than 178,956,970 pixels"),
        (b"", "not an image"),
        (encoded("PNG")[:20], "not an image|cannot be read"),
        (encoded("TIFF")[:9], "not an image|cannot be read"),
    ],
)
def test_what_has_no_size(tmp_path, content, reason):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"^{path}: .*({reason})"):
        image_size(str(path))


def test_a_pipe_is_not_waited_for(tmp_path: Path):
    path = tmp_path / "a.png"
    os.mkfifo(path)
    with pytest.raises(DataError, match=f"^{path}: not a plain file"):
        image_size(str(path))


def test_headers_are_read_fast(tmp_path):
    """The pixels of a PNG file are not decoded to look for an entry behind them."""
    path = tmp_path / "a.png"
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    Image.fromarray(noise).save(path)
    content = bytearray(path.read_bytes())
    content[-4000:-40] = bytes(3960)
    path.write_bytes(content)
    assert image_size(str(path)) == (300, 300)
