"""Pixels of each class in the masks of a source, wrapped or not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_semisup.datasets.mask_values import pixels_of_images
from mmseg_semisup.datasets.sources import infos
from test_datasets.test_semi_dataset import config


def labeled(folder):
    return config(folder)["sources"]["labeled"]


def slow(dataset):
    counts = []
    for info in infos(dataset):
        mask = np.asarray(Image.open(info["seg_map_path"]))
        counts.append([int((mask == c).sum()) for c in range(3)])
    return counts


def test_equal_to_a_count_of_the_files(folder):
    dataset = DATASETS.build(labeled(folder))
    found = pixels_of_images(dataset, 3)
    assert found.tolist() == slow(dataset)
    assert found.sum() > 0


@pytest.mark.parametrize(
    "wrap",
    [
        lambda cfg: {"type": "ConcatDataset", "datasets": [cfg, cfg]},
        lambda cfg: {"type": "RepeatDataset", "dataset": cfg, "times": 2},
    ],
)
def test_wrapped_datasets(folder, wrap):
    cfg = labeled(folder)
    plain = slow(DATASETS.build(cfg))
    found = pixels_of_images(DATASETS.build(wrap(cfg)), 3)
    assert found.tolist() == plain + plain


def test_mixed_images_count_as_the_first_of_them(folder):
    cfg = labeled(folder)
    mixed = {"type": "MultiImageMixDataset", "dataset": cfg, "pipeline": []}
    assert pixels_of_images(DATASETS.build(mixed), 3).tolist() == slow(
        DATASETS.build(cfg)
    )


def test_a_mask_that_cannot_be_used_is_empty(folder, tmp_path):
    copied = tmp_path / "copied"
    shutil.copytree(folder, copied)
    dataset = DATASETS.build(labeled(copied))
    expected = slow(dataset)
    Path(infos(dataset)[0]["seg_map_path"]).write_bytes(b"no picture")
    found = pixels_of_images(dataset, 3)
    assert found[0].tolist() == [0, 0, 0]
    assert found[1:].tolist() == expected[1:]
