"""Batches survive the way through a file that holds plain values only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.structures import LabelData, PixelData
from tiny_methods import method_batch

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.engine.plain_values import from_plain, to_plain


def read(folder: Path, value: object) -> object:
    torch.save({"value": to_plain(value)}, folder / "value.pth")
    return from_plain(load_checkpoint_file(folder / "value.pth")["value"])


def test_a_batch(tmp_path):
    data = method_batch(0)
    sample = data["data_samples"]["labeled"][0]
    sample.set_metainfo({"scale": np.float32(0.5), "flip": None, "crop": (1, (2, 3))})
    sample.set_data({"weights": np.arange(3), "tags": LabelData(label=torch.ones(2))})
    found = read(tmp_path, data)
    for name, images in data["inputs"].items():
        for one, other in zip(images, found["inputs"][name], strict=True):
            assert torch.equal(one, other)
    again = found["data_samples"]["labeled"][0]
    assert type(again) is type(sample)
    assert isinstance(again.gt_sem_seg, PixelData)
    assert torch.equal(again.gt_sem_seg.data, sample.gt_sem_seg.data)
    assert sorted(again.keys()) == sorted(sample.keys())
    assert again.metainfo["crop"] == (1, (2, 3))
    assert again.img_path == sample.img_path
    assert again.weights.tolist() == [0, 1, 2]
    assert torch.equal(again.tags.label, torch.ones(2))
    second = data["data_samples"]["unlabeled_second"][0].homography
    kept = found["data_samples"]["unlabeled_second"][0].homography
    assert torch.equal(second, kept)


def test_what_is_not_plain(tmp_path):
    value = {
        "path": Path("a/b"),
        ("x", 1): {3, 1},
        "type": torch.nn.Linear,
        "large": 1 << 200,
        5: object,
    }
    found = read(tmp_path, value)
    assert found["path"] == "a/b"
    assert found["('x', 1)"] == ["1", "3"]
    assert found["type"] == "torch.nn.modules.linear.Linear"
    assert found["large"] == str(1 << 200)
    assert found[5] == "builtins.object"


def test_a_view_does_not_carry_its_storage(tmp_path):
    whole = torch.zeros(1000, 1000)
    found = to_plain(whole[:2, :2])
    assert found.untyped_storage().nbytes() == 16


@pytest.mark.parametrize(
    "value",
    [
        {"__kind__": 3, "metainfo": {}, "data": {}},
        {"__kind__": "PixelData", "metainfo": {}, "data": {"data": 5}},
        {"__kind__": "PixelData", "metainfo": {1: 2}, "data": {}},
        {"__kind__": "SegDataSample", "metainfo": {}, "data": {"gt_sem_seg": 5}},
        {"__kind__": "SegDataSample", "metainfo": {}},
        {"__kind__": "SegDataSample", "metainfo": {}, "data": {"__dict__": {}}},
    ],
)
def test_elements_of_another_form(value):
    with pytest.raises((AssertionError, ValueError, AttributeError)):
        from_plain([value])
