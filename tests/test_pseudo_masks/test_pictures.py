from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.pseudo_masks.pictures import compare_stores
from mmseg_semisup.visualization.panels import GAP, TITLE_HEIGHT


@pytest.fixture
def folders(make, tmp_path):
    make("store")
    shutil.copytree(tmp_path / "store", tmp_path / "other")
    return {"first": tmp_path / "store", "second": tmp_path / "other"}


def change_manifest(folder, change) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def test_a_row_an_image_and_a_column_a_store(folders):
    first = {"first": folders["first"]}
    assert len(compare_stores(folders, count=2)) == 2 * (160 + TITLE_HEIGHT + GAP)
    one = compare_stores(first, count=1, photos=False)
    two = compare_stores(folders, count=1, photos=False)
    width = one.shape[1]
    assert two.shape[1] == 2 * width + GAP
    assert compare_stores(folders, count=1).shape[1] == 3 * width + 2 * GAP
    below = slice(TITLE_HEIGHT, TITLE_HEIGHT + 160)
    np.testing.assert_array_equal(one[below], two[below, :width])
    np.testing.assert_array_equal(one[below], two[below, width + GAP :])


def test_published_pictures_hold_only_colours_of_classes(folders, tmp_path):
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    name = manifest["images"][0]["id"]
    picture = compare_stores({"first": folders["first"]}, names=[name], photos=False)
    pixels = picture[TITLE_HEIGHT : TITLE_HEIGHT + 160].reshape(-1, 3)
    low, high = np.min(manifest["palette"]), np.max(manifest["palette"])
    assert pixels.min() >= low
    assert pixels.max() <= high


def test_other_classes(folders):
    change_manifest(folders["second"], lambda m: m["classes"].reverse())
    with pytest.raises(StoreError, match=r"other has the classes .*store has"):
        compare_stores(folders)


def test_an_image_that_one_store_lacks(folders):
    change_manifest(folders["second"], lambda m: m["images"].pop(0))
    manifest = json.loads((folders["first"] / "manifest.json").read_text())
    name = manifest["images"][0]["id"]
    with pytest.raises(StoreError, match=f"not all stores hold .*{name}"):
        compare_stores(folders, names=[name])
    compare_stores(folders)


def test_no_store(tmp_path):
    with pytest.raises(StoreError, match="no pseudo-masks"):
        compare_stores({"first": tmp_path})
