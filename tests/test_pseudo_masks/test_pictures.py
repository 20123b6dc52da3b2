from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.pseudo_masks.images import list_items
from mmseg_semisup.pseudo_masks.pictures import compare_stores
from mmseg_semisup.visualization.panels import GAP, TITLE_HEIGHT, titled_row


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


def width_of(row: np.ndarray) -> int:
    """Width of a row of pictures, without white at the right."""
    return int((row != 255).any(axis=(0, 2)).nonzero()[0].max()) + 1


def test_a_row_an_image_and_a_column_a_store(folders):
    first = {"first": folders["first"]}
    rows = [len(compare_stores(folders, count=count)) for count in (1, 2, 3)]
    assert np.diff(rows).tolist() == [160 + TITLE_HEIGHT + GAP] * 2
    one = compare_stores(first, count=1, photos=False)
    two = compare_stores(folders, count=1, photos=False)
    below = slice(TITLE_HEIGHT, TITLE_HEIGHT + 160)
    width = width_of(one[below])
    assert width_of(two[below]) == 2 * width + GAP
    assert width_of(compare_stores(folders, count=1)[below]) == 3 * width + 2 * GAP
    one = one[:, :width]
    np.testing.assert_array_equal(one[below], two[below, :width])
    np.testing.assert_array_equal(one[below], two[below, width + GAP :][:, :width])


def test_true_masks_are_shown_with_scores(folders, cfg, monkeypatch):
    items, _ = list_items(cfg, ["labeled", "unlabeled"])
    titles = []
    monkeypatch.setattr(
        "mmseg_semisup.pseudo_masks.pictures.titled_row",
        lambda row, height: titles.append(list(row)) or titled_row(row, height),
    )
    plain = compare_stores(folders, count=1)
    with_truth = compare_stores(folders, count=1, items=items)
    assert with_truth.shape[1] > plain.shape[1]
    assert titles[0][1:] == ["first", "second"]
    assert titles[1][-1] == "true mask"
    assert all("% mIoU" in title for title in titles[1][1:-1])
    # Without photographs, true masks stay out, too, but not the scores.
    compare_stores(folders, count=1, photos=False, items=items)
    assert [title.partition(":")[0] for title in titles[2]] == ["first", "second"]


def test_published_pictures_hold_only_colours_of_classes(folders, tmp_path):
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    name = manifest["images"][0]["id"]
    picture = compare_stores({"first": folders["first"]}, names=[name], photos=False)
    row = picture[TITLE_HEIGHT : TITLE_HEIGHT + 160]
    pixels = row[:, : width_of(row)].reshape(-1, 3)
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
