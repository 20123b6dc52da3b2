from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from mmseg_semisup.annotation_files import AnnotationError, label_studio
from mmseg_semisup.annotation_files.json_parts import JsonParts
from mmseg_semisup.annotation_files.runs import to_runs
from mmseg_semisup.core.errors import DataError

from .drawn import LABELS, annotated, blobs, painted, write


def accepted(path):
    """The file as Label Studio exports it when a person accepts the predictions."""
    tasks = json.loads(path.read_text())
    for task in tasks:
        task["annotations"] = task.pop("predictions")
    path.write_text(json.dumps(tasks))
    return JsonParts(path)


def test_round_trip(tmp_path):
    masks = [blobs(seed=seed) for seed in range(4)]
    names = ["a.png", 'b/"\n.png', "ü ?#%.png", "d.png"]
    images = [annotated(m, n) for m, n in zip(masks, names, strict=True)]
    path = write(label_studio, images, tmp_path / "a.json")
    predicted = list(label_studio.read(JsonParts(path), predictions=True))
    assert list(label_studio.read(JsonParts(path))) == []
    found = list(label_studio.read(accepted(path)))
    for mask, name, *both in zip(masks, names, predicted, found, strict=True):
        for each in both:
            assert (each.name, each.size) == (name, mask.shape)
            assert np.array_equal(painted(each, mask.shape), mask)


@pytest.mark.parametrize("share", [0.0001, 0.3, 1.0])
def test_as_label_studios_own_package_reads_and_writes(share):
    brush = pytest.importorskip("label_studio_sdk.converter.brush")
    mask = np.random.default_rng(0).random((180, 190)) < share
    mask[100:, :] = True
    content = label_studio.encode_brush(to_runs(mask.ravel()))
    theirs = brush.decode_rle(content).reshape(180, 190, 4)
    assert np.array_equal(theirs[..., 3] == 255, mask)
    written = brush.mask2rle(mask.astype(np.uint8) * 255)
    assert np.array_equal(label_studio.decode_brush(written, mask.shape), mask)


def test_runs_longer_than_a_length():
    runs = np.array([0, 40_000, 65_536, 32_768, 16_384, 1, 70_000])
    mask = np.repeat(np.arange(7) % 2 == 1, runs).reshape(1, -1)
    content = label_studio.encode_brush(runs)
    assert np.array_equal(label_studio.decode_brush(content, mask.shape), mask)


def test_values_one_by_one():
    """Label Studio writes neighbours that differ without run lengths."""
    alpha = [0, 255, 127, 128]
    values = [value for a in alpha for value in (9, 8, 7, a)]
    bits = f"{16:032b}{7:05b}" + "".join(f"{n - 1:04b}" for n in (3, 4, 8, 16))
    bits += "001" + f"{15:04b}" + "".join(f"{value:08b}" for value in values)
    bits += "0" * (-len(bits) % 8)
    content = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    mask = label_studio.decode_brush(content, (2, 2))
    assert mask.ravel().tolist() == [False, True, False, True]


def task(kind, value, **changes):
    result = {
        "type": kind,
        "original_width": 8,
        "original_height": 6,
        "value": {kind: ["car"], **value},
    }
    annotation = {"result": [{**result, **changes}]}
    return {
        "data": {"image": "/data/upload/1/0123abcd-a.png"},
        "annotations": [annotation],
    }


def test_shapes_in_percent():
    value = {"x": 25, "y": 0, "width": 50, "height": 50}
    found = label_studio.read_task(task("rectanglelabels", value), "a.json")
    mask = painted(found, (6, 8))
    assert mask[:3, 2:6].min() == 1
    assert mask.sum() == 12
    tools = pytest.importorskip("pycocotools.mask")
    value = {"points": [[0, 0], [100, 0], [50, 100]]}
    found = label_studio.read_task(task("polygonlabels", value), "a.json")
    expected = tools.decode(tools.frPyObjects([[0, 0, 8, 0, 4, 6]], 6, 8))[..., 0]
    assert np.array_equal(painted(found, (6, 8)), expected)


def test_cancelled_annotations_do_not_count():
    value = {"x": 0, "y": 0, "width": 50, "height": 50}
    content = task("rectanglelabels", value)
    content["annotations"].append({"result": [], "was_cancelled": True})
    assert len(label_studio.read_task(content, "a.json").shapes) == 1
    content["annotations"].append({"result": []})
    empty = label_studio.read_task(content, "a.json")
    assert (list(empty.shapes), empty.size) == ([], None)


@pytest.mark.parametrize(
    ("kind", "value", "changes", "words"),
    [
        ("brushlabels", {"rle": [1, 2]}, {}, "cut off"),
        ("brushlabels", {"rle": [999] * 20}, {}, "no list of bytes"),
        ("brushlabels", {"rle": [255] * 20}, {}, "has 1073741823 pixels, the image"),
        ("brushlabels", {"rle": [0, 0, 0, 192, 57, 33, 63, 0]}, {}, "cut off"),
        ("rectanglelabels", {"x": 1}, {}, "coordinates are damaged"),
        ("rectanglelabels", {"rotation": 3}, {}, "rotated"),
        ("brushlabels", {}, {"image_rotation": 90}, "rotated"),
        ("ellipselabels", {}, {}, "ellipselabels are not read"),
    ],
)
def test_a_damaged_shape(kind, value, changes, words):
    found = label_studio.read_task(task(kind, value, **changes), "a.json")
    with pytest.raises(AnnotationError, match=words):
        painted(
            found._replace(shapes=[s._replace(label="car") for s in found.shapes]),
            (6, 8),
        )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"image": "a.png", "label": []},
            "data is missing; export the project as 'JSON'",
        ),
        ({"data": {}, "annotations": {}}, "annotations is {}, and not a list"),
        (task("brushlabels", {"brushlabels": 3}), "is 3, and not a list"),
    ],
)
def test_a_file_of_something_else(content, words):
    with pytest.raises(DataError, match=words):
        label_studio.read_task(content, "a.json")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/data/local-files/?d=photos/a%20b.png", "photos/a b.png"),
        ("/data/upload/1/0123abcd-a.png", "/data/upload/1/0123abcd-a.png"),
        ("https://host/x/a.png?token=1", "/x/a.png"),
        ("s3://bucket/x/a.png", "/x/a.png"),
    ],
)
def test_names_of_images(address, name):
    assert label_studio.image_name({"image": address}) == name


def test_the_labelling_config():
    root = ElementTree.fromstring(label_studio.labelling_config(LABELS))
    labels = list(root.iter("Label"))
    assert [label.get("value") for label in labels] == list(LABELS.names[1:])
    assert labels[0].get("background") == "#e6194b"
    assert root.find("BrushLabels").get("toName") == root.find("Image").get("name")
