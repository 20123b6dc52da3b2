from __future__ import annotations

import json

import numpy as np
import pytest

from mmseg_semisup.annotation_files import AnnotationError, coco
from mmseg_semisup.annotation_files.json_parts import JsonParts
from mmseg_semisup.annotation_files.runs import to_runs
from mmseg_semisup.core.errors import DataError

from .drawn import LABELS, annotated, blobs, painted, write


def test_round_trip(tmp_path):
    masks = [blobs(seed=seed) for seed in range(5)]
    names = [f'{i}/"\n\x01é.png' for i in range(5)]
    images = [annotated(m, n) for m, n in zip(masks, names, strict=True)]
    path = write(coco, images, tmp_path / "a.json")
    for mask, name, found in zip(masks, names, coco.read(JsonParts(path)), strict=True):
        assert (found.name, found.size) == (name, mask.shape)
        assert np.array_equal(painted(found, mask.shape), mask)


def test_as_pycocotools_reads_and_writes(tmp_path):
    tools = pytest.importorskip("pycocotools.mask")
    api = pytest.importorskip("pycocotools.coco")
    mask = blobs((64, 48))
    path = write(coco, [annotated(mask)], tmp_path / "a.json")
    loaded = api.COCO(str(path))
    found = np.zeros_like(mask)
    for entry in loaded.loadAnns(loaded.getAnnIds()):
        own = loaded.annToMask(entry) > 0
        found[own] = entry["category_id"] - 1
        assert entry["area"] == tools.area(entry["segmentation"])
        assert entry["bbox"] == tools.toBbox(entry["segmentation"]).tolist()
        text = tools.encode(np.asfortranarray(own.view(np.uint8)))["counts"].decode()
        assert entry["segmentation"]["counts"] == text
    assert np.array_equal(found, mask)
    assert [c["name"] for c in loaded.dataset["categories"]] == [*LABELS.names[1:]]


def test_run_lengths_of_any_size():
    tools = pytest.importorskip("pycocotools.mask")
    generator = np.random.default_rng(0)
    for share in (0.001, 0.1, 0.9):
        mask = generator.random((300, 300)) < share
        text = tools.encode(np.asfortranarray(mask.view(np.uint8)))["counts"].decode()
        runs = to_runs(mask.ravel(order="F"))
        assert coco.compress(runs) == text
        assert coco.decompress(text).tolist() == runs.tolist()


def test_polygons_are_drawn_as_by_pycocotools(tmp_path):
    tools = pytest.importorskip("pycocotools.mask")
    points = [[1.5, 2, 20, 3, 11.2, 17.7], [0, 0, 4, 0, 4, 4, -3, 30]]
    content = coco_file(segmentation=points)
    (tmp_path / "a.json").write_text(json.dumps(content))
    (found,) = coco.read(JsonParts(tmp_path / "a.json"))
    expected = tools.decode(tools.merge(tools.frPyObjects(points, 20, 30)))
    assert np.array_equal(painted(found, (20, 30)), expected)
    assert 50 < expected.sum() < 400


def coco_file(**changes):
    counts = {"size": [20, 30], "counts": [0, 5, 595]}
    entry = {"image_id": 7, "category_id": 1, "segmentation": counts, **changes}
    return {
        "annotations": [entry],
        "images": [{"id": 7, "file_name": "a.png", "height": 20, "width": 30}],
        "categories": [{"id": 1, "name": "car"}],
    }


def test_run_lengths_as_a_list(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(coco_file()))
    (found,) = coco.read(JsonParts(tmp_path / "a.json"))
    mask = painted(found, (20, 30))
    assert mask[:5, 0].tolist() == [1] * 5
    assert mask.sum() == 5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"segmentation": {"size": [2, 3], "counts": "0"}}, r"its size is \[2, 3\]"),
        ({"segmentation": {"size": [20, 30], "counts": "~~"}}, "damaged"),
        ({"segmentation": {"size": [20, 30], "counts": "o" * 50}}, "damaged"),
        ({"segmentation": {"size": [20, 30], "counts": "o"}}, "cut off"),
        ({"segmentation": {"size": [20, 30], "counts": 3}}, "counts is 3"),
        ({"segmentation": None}, "segmentation is None"),
        ({"segmentation": []}, r"segmentation is \[\]"),
        ({"segmentation": [["x", 1]]}, "no list of numbers"),
    ],
)
def test_a_damaged_annotation(tmp_path, changes, words):
    (tmp_path / "a.json").write_text(json.dumps(coco_file(**changes)))
    (found,) = coco.read(JsonParts(tmp_path / "a.json"))
    with pytest.raises(AnnotationError, match=words):
        painted(found, (20, 30))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image_id": 8}, "images that it does not list: 8"),
        ({"category_id": 8}, "category_id 8 is not among"),
        ({"category_id": "1"}, "category_id is '1', and not an integer"),
    ],
)
def test_a_file_that_disagrees_with_itself(tmp_path, changes, words):
    (tmp_path / "a.json").write_text(json.dumps(coco_file(**changes)))
    with pytest.raises(DataError, match=words):
        list(coco.read(JsonParts(tmp_path / "a.json")))


def test_a_file_of_something_else(tmp_path):
    (tmp_path / "a.json").write_text('{"images": []}')
    with pytest.raises(DataError, match="lists no images"):
        list(coco.read(JsonParts(tmp_path / "a.json")))
