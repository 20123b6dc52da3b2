from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from mmseg_semisup.annotation_files import AnnotationError, cvat
from mmseg_semisup.core.errors import DataError

from .drawn import LABELS, annotated, blobs, painted, write

ODD = ['a/"b"\'.png', "<&>\n\t\r.png", "é.png", "]]>.png"]


def test_round_trip(tmp_path, monkeypatch):
    monkeypatch.setattr(cvat, "CHUNK", 100)
    masks = [blobs(seed=seed) for seed in range(len(ODD))]
    images = [annotated(m, n) for m, n in zip(masks, ODD, strict=True)]
    path = write(cvat, images, tmp_path / "a.xml")
    for mask, name, found in zip(masks, ODD, cvat.read(path), strict=True):
        assert (found.name, found.size) == (name, mask.shape)
        assert np.array_equal(painted(found, mask.shape), mask)


def test_as_cvats_own_package_reads_it(tmp_path):
    masks = pytest.importorskip("cvat_sdk.masks")
    mask = blobs()
    image = annotated(mask)
    root = ElementTree.parse(write(cvat, [image], tmp_path / "a.xml")).getroot()
    assert [e.text for e in root.iter("name")] == list(LABELS.names[1:])
    found = np.zeros_like(mask)
    entries = list(root.iter("mask"))
    assert len(entries) == len(image.regions) > 3
    for entry, region in zip(entries, image.regions, strict=True):
        left, top, width, height = (
            int(entry.get(key)) for key in ("left", "top", "width", "height")
        )
        points = [int(n) for n in entry.get("rle").split(",")]
        points += [left, top, left + width - 1, top + height - 1]
        own = masks.decode_mask(points, image_width=31, image_height=23)
        assert masks.encode_mask(own) == points
        found[own] = region.label
    assert np.array_equal(found, mask)


def document(inner, head=""):
    size = 'width="8" height="6"'
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{head}<annotations>'
        f'<image id="0" name="a.png" {size}>{inner}</image></annotations>'
    )


def read(tmp_path, text):
    (tmp_path / "a.xml").write_text(text)
    return list(cvat.read(tmp_path / "a.xml"))


def test_shapes_cover_each_other_by_z_order(tmp_path):
    box = '<box label="{}" xtl="0.2" ytl="0" xbr="3.6" ybr="2" z_order="{}"/>'
    text = box.format("car", 2) + box.format("background", 1) + '<tag label="x"/>'
    (found,) = read(tmp_path, document(text))
    mask = painted(found, (6, 8))
    assert mask[:2, :4].min() == 1
    assert mask.sum() == 8


def test_polygons_are_those_of_pycocotools(tmp_path):
    tools = pytest.importorskip("pycocotools.mask")
    text = '<polygon label="car" points="1.50,0.00;7.00,1.00;4.00,5.50"/>'
    (found,) = read(tmp_path, document(text))
    expected = tools.decode(tools.frPyObjects([[1.5, 0, 7, 1, 4, 5.5]], 6, 8))[..., 0]
    assert np.array_equal(painted(found, (6, 8)), expected)
    assert expected.sum() > 5


ATTRIBUTES = 'label="car" left="0" top="0" width="2" height="2"'


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (f'<mask {ATTRIBUTES} rle="1, 2"/>', "3 pixels in place of 4"),
        (f'<mask {ATTRIBUTES} rle="x"/>', "are no numbers"),
        ('<mask label="car" rle="4" left="7" top="0" width="2" height="2"/>', "within"),
        (
            '<mask label="car" rle="1" left="0" top="0" width="99999" height="9"/>',
            "fit",
        ),
        ('<mask label="car" rle="1" left="0" top="0" width="-1" height="9"/>', "whole"),
        ('<polyline label="car" points="1,2;3,4"/>', "polyline is not read"),
        ('<box label="car" xtl="nan" ytl="0" xbr="1" ybr="1"/>', "without a place"),
        ('<box label="car" xtl="0" ytl="0" xbr="1e9" ybr="1e9"/>', "too many"),
    ],
)
def test_a_damaged_shape(tmp_path, inner, words):
    (found,) = read(tmp_path, document(inner))
    with pytest.raises(DataError, match=words):
        painted(found, (6, 8))


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (document("", BOMB), "a document type in XML"),
        (document("")[:-20], "is no XML: "),
        ("<annotations></annotations>", "has no image"),
        ("<html></html>", "begins with <html>"),
        ("<annotations><track/></annotations>", "'CVAT for video'"),
        ('<annotations><image name="a"/></annotations>', "height is ''"),
        (document("<a>" * 30), "nested too deep"),
    ],
)
def test_a_file_that_is_not_read(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        read(tmp_path, text)


def test_tags_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(cvat, "CHUNK", 100)
    monkeypatch.setattr(cvat, "LARGEST", 1000)
    with pytest.raises(DataError, match="a tag is longer than 1,000 bytes"):
        read(tmp_path, document(f'<mask label="{"a" * 5000}"/>'))


@pytest.mark.parametrize("name", ["\x01.png", "\udcff.png", "\ufffe.png"])
def test_a_name_that_xml_cannot_hold(name):
    with pytest.raises(AnnotationError, match="XML cannot hold; rename it"):
        cvat.fragment(annotated(blobs(), name), LABELS)


def test_labels_of_a_project():
    first, second = cvat.project_labels(LABELS)
    assert first["name"] == "car"
    assert first["color"] == "#e6194b"
    assert second["name"] == LABELS.names[2]
