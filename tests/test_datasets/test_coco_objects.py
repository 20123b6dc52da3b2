"""COCO with a background and 80 objects."""

from __future__ import annotations

import cv2
import numpy as np

from mmseg_semisup.datasets import COCOObjectsDataset

# Numbers of the masks that UniMatch publishes.
NUMBERS = {
    "background": 0,
    "person": 1,
    "bicycle": 2,
    "traffic light": 10,
    "backpack": 25,
    "hot dog": 53,
    "tv": 63,
    "toothbrush": 80,
}


def test_numbers_and_colours_of_the_classes():
    classes = COCOObjectsDataset.METAINFO["classes"]
    assert len(classes) == 81
    assert {name: classes.index(name) for name in NUMBERS} == NUMBERS
    assert (
        len({tuple(colour) for colour in COCOObjectsDataset.METAINFO["palette"]}) == 81
    )


def test_a_mask_is_read_as_it_is(tmp_path):
    for folder in ("train2017", "masks"):
        (tmp_path / folder).mkdir()
    mask = np.array([[0, 1], [80, 255]], np.uint8)
    cv2.imwrite(str(tmp_path / "train2017/000000000009.jpg"), np.zeros((2, 2, 3)))
    cv2.imwrite(str(tmp_path / "masks/000000000009.png"), mask)
    dataset = COCOObjectsDataset(
        data_root=str(tmp_path),
        data_prefix={"img_path": "train2017", "seg_map_path": "masks"},
        pipeline=[{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}],
    )
    assert np.array_equal(dataset[0]["gt_seg_map"], mask)
