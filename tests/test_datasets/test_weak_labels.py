"""Image labels from lists and from masks, and mistakes in them."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from mmseg_semisup.datasets import (
    LoadImageLabels,
    PackImageLabels,
    SampleKey,
    SemiDataset,
    WeakLabelDataset,
    read_image_labels,
    write_image_labels,
)

CLASSES = ("background", "cat", "dog")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for i in range(3):
        image = np.full((12, 10, 3), 40 * i, np.uint8)
        mask = np.zeros((12, 10), np.uint8)
        mask[:2] = 255
        mask[3:5] = i
        cv2.imwrite(str(tmp_path / f"images/{i}.png"), image)
        cv2.imwrite(str(tmp_path / f"masks/{i}.png"), mask)
    (tmp_path / "weak.txt").write_text("0: cat\n1.png: dog, cat\n2:\n")
    return tmp_path


def weak(root, file="weak.txt", **changes):
    return WeakLabelDataset(CLASSES, file, data_root=str(root), **changes)


@pytest.mark.parametrize("form", ["txt", "json"])
def test_labels_of_a_list(root, form):
    names = {"0": ["cat"], "1": ["cat", "dog"], "2": []}
    write_image_labels(root / f"own.{form}", names, CLASSES)
    assert read_image_labels(root / f"own.{form}") == names
    dataset = weak(root, f"own.{form}")
    present = [dataset.get_data_info(i)["present_classes"] for i in range(3)]
    assert present == [[0, 1], [0, 1, 2], [0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0: cat\n1: bird, dog\n", "1 has the unknown class bird"),
        ("0: cat\n9: dog\n", "no image in .* for 9"),
        ("0: cat\n1: cat\n", "no image shows dog"),
        ("0: cat\n0: dog\n", "0 is there twice"),
        ("0: cat\n0.png: dog\n", r"bad\.txt: 0 and 0\.png name the same image"),
        ("0 cat\n", "expected 'id: class, class'"),
    ],
)
def test_mistakes_in_a_list_are_named(root, text, message):
    (root / "bad.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        weak(root, "bad.txt")


def test_mistakes_in_json_are_named(root):
    (root / "bad.json").write_text(json.dumps({"0": "cat"}))
    with pytest.raises(ValueError, match="0 has 'cat'"):
        weak(root, "bad.json")
    (root / "bad.json").write_text('{"0": ["cat"], "0": ["dog"]}')
    with pytest.raises(ValueError, match=r"bad\.json cannot .*: 0 is there twice"):
        weak(root, "bad.json")
    with pytest.raises(ValueError, match="cannot be read"):
        read_image_labels(root / "none.json")


def test_a_class_may_be_missing_if_allowed(root):
    (root / "few.txt").write_text("0: cat\n")
    assert len(weak(root, "few.txt", allow_missing=True)) == 1


def test_labels_of_masks_without_what_is_ignored(root):
    mask = np.array([[0, 2, 255]], np.uint8)
    results = {"gt_seg_map": mask, "seg_fields": ["gt_seg_map"]}
    results = LoadImageLabels(num_classes=4)(results)
    assert results["gt_image_labels"].tolist() == [1, 0, 1, 0]
    assert "gt_seg_map" not in results
    assert results["seg_fields"] == []


def test_mistakes_in_the_pipeline_are_named():
    with pytest.raises(ValueError, match="neither a list"):
        LoadImageLabels(num_classes=4)({})
    with pytest.raises(ValueError, match=r"\[5\]; allowed: 0 to 3"):
        LoadImageLabels(num_classes=4)({"present_classes": [5]})
    with pytest.raises(ValueError, match="LoadImageLabels"):
        PackImageLabels()({"img": np.zeros((2, 2, 3), np.uint8)})


def test_a_weak_source_beside_a_labeled_one(root):
    load, pack = {"type": "LoadImageFromFile"}, {"type": "PackImageLabels"}
    labels = {"type": "LoadImageLabels", "num_classes": 3}
    view = {"type": "MultiView", "views": {"weak": [pack], "weak_teacher": [pack]}}
    dataset = SemiDataset(
        {
            "labeled": {
                "type": "FolderDataset",
                "classes": CLASSES,
                "data_root": str(root),
                "pipeline": [load, {"type": "LoadAnnotations"}, labels, pack],
            },
            "weak": weak(root, pipeline=[load, labels, view]),
        }
    )
    sample = dataset[SampleKey("weak", 1, 0)]["data_samples"]
    assert sorted(sample) == ["weak", "weak_teacher"]
    for view in sample.values():
        assert torch.equal(view.gt_image_labels, torch.ones(3))
    sample = dataset[SampleKey("labeled", 1, 0)]["data_samples"]["labeled"]
    assert sample.gt_image_labels.tolist() == [1, 1, 0]
