"""Images of other channels and bits, from the file to a training and its masks."""

from __future__ import annotations

import numpy as np
import pytest
from channel_images import SIZE, draw, pixels, write
from mmcv.transforms import RandomGrayscale
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.datasets import ColorJitter, LoadChannels
from mmseg_semisup.datasets.channel_steps import check_steps
from mmseg_semisup.datasets.checks.files import check_header
from mmseg_semisup.datasets.checks.images import deep_images
from mmseg_semisup.datasets.checks.parts import list_items
from mmseg_semisup.datasets.fast_steps import fast
from mmseg_semisup.datasets.image_headers import image_size
from mmseg_semisup.datasets.read_image import load


def read(path, **options):
    return load(LoadChannels(**options), {"img_path": path})["img"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("suffix", "channels"),
    [
        (".png", 1),
        (".png", 3),
        (".png", 4),
        *((".tif", c) for c in (1, 2, 3, 4, 5, 12)),
    ],
)
def test_every_value_is_read(tmp_path, suffix, channels, dtype):
    values = pixels(channels, dtype, high=np.iinfo(dtype).max)
    path = write(tmp_path / f"a{suffix}", values)
    image = read(path, channels=channels)
    own = values[..., ::-1] if channels == 3 else values
    expected = own.astype(np.float64) * 255 / np.iinfo(dtype).max
    assert (image.dtype, image.shape) == (np.float32, (*SIZE, channels))
    assert np.abs(image - expected).max() < 1e-4
    assert image_size(path) == SIZE


def test_a_range_for_each_channel(tmp_path):
    values = pixels(2, np.float32)
    path = write(tmp_path / "a.tif", values)
    image = read(path, channels=2, low=[0, 1000], high=[4000, 2000])
    assert np.abs(image[..., 0] - values[..., 0] * 255 / 4000).max() < 1e-3
    scaled = (values[..., 1].astype(float) - 1000) * 255 / 1000
    assert np.abs(image[..., 1] - scaled.clip(0, 255)).max() < 1e-3
    assert {image[..., 1].min(), image[..., 1].max()} == {0, 255}


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (
            pixels(5),
            {"channels": 4},
            "it has 5 channels, and LoadChannels has channels=4",
        ),
        (
            pixels(2, np.float32),
            {"channels": 2},
            "float32, whose range is not known: set",
        ),
        (
            np.full((6, 8, 2), np.nan, np.float32),
            {"channels": 2, "high": 1},
            "48 of its pixels are NaN or infinite",
        ),
    ],
)
def test_files_that_disagree_with_the_config(tmp_path, values, options, words):
    path = write(tmp_path / "a.tif", values)
    with pytest.raises(ImageFileError, match=rf"a\.tif: .*{words}"):
        read(path, **options)


@pytest.mark.parametrize("content", [b"", b"II*\0damage", b"no image"])
def test_damaged_files(tmp_path, content):
    pytest.importorskip("tifffile")
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(ImageFileError, match=r"a\.tif: "):
        read(str(path), channels=2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": 0}, "channels=0; allowed: 1, 2"),
        ({"channels": 2, "low": [1, 2, 3]}, "has 3 numbers; allowed: one, or 2"),
        ({"channels": 1, "low": 5, "high": 5}, "high must be greater"),
    ],
)
def test_wrong_arguments(options, words):
    with pytest.raises(ValueError, match=words):
        LoadChannels(**options)


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_colours_of_other_channels_change_in_brightness_and_contrast(channels, dtype):
    image = pixels(channels, dtype, high=200)
    image = image[..., 0] if channels == 1 else image
    step = ColorJitter(brightness=0.3, contrast=0.5, saturation=1, hue=0.5, prob=1)
    np.random.seed(3)
    found = step.transform({"img": image})["img"]
    np.random.seed(3)
    brightness, contrast = 1 + np.random.uniform(-1, 1, 4)[:2] * (0.3, 0.5)
    mean = image.mean(axis=(0, 1), dtype=float)
    expected = brightness * (contrast * image.astype(float) + (1 - contrast) * mean)
    if dtype == np.uint8:
        expected = expected.clip(0, 255)
    assert found.dtype == dtype
    assert np.abs(found - expected).max() <= (0.51 if dtype == np.uint8 else 1e-3)
    grey = fast(RandomGrayscale(prob=1, keep_channels=True))
    assert grey.transform({"img": image})["img"] is image


@pytest.mark.parametrize(
    "name", ["PhotoMetricDistortion", "CLAHE", "LoadImageFromFile"]
)
def test_transforms_of_eight_bits_are_refused(name):
    steps = [TRANSFORMS.build({"type": name}), LoadChannels(3)]
    with pytest.raises(ValueError, match=f"{name} "):
        check_steps(steps)
    check_steps(steps[:1])
    check_steps([LoadChannels(3), ColorJitter()])


def test_the_checks_of_files(tmp_path):
    draw(tmp_path, ["a", "b"])
    load = [{"type": "LoadChannels", "channels": 5}, {"type": "LoadAnnotations"}]
    dataset = DATASETS.build(
        dict(type="FolderDataset", classes=["x", "y"], data_root=str(tmp_path),
             pipeline=load)
    )  # fmt: skip
    assert [check_header(item) for item in list_items(dataset)] == [[], []]
    assert deep_images({"labeled": dataset}) == []
    Image.new("L", (5, 5)).save(tmp_path / "masks" / "a.png")
    (problem,) = check_header(list_items(dataset)[0])
    assert "a.png has 5x5 pixels" in problem.text
