"""Stores as data sets, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_semisup.core.errors import DataError, StoreError
from mmseg_semisup.datasets.image_headers import image_size
from mmseg_semisup.datasets.semi_dataset import SemiDataset
from mmseg_semisup.pseudo_masks import images
from mmseg_semisup.pseudo_masks.images import image_ids, list_items, plan_batches

PIPELINE = [dict(type="LoadImageFromFile"), dict(type="LoadAnnotations")]


def build(folder: Path, **options):
    cfg = dict(type="PseudoMaskDataset", store=str(folder), pipeline=PIPELINE)
    return DATASETS.build(dict(cfg, **options))


def test_dataset_gives_images_and_their_masks(make, tmp_path):
    manifest = make()
    dataset = build(tmp_path / "store", classes=["ground", "cat", "dog"])
    assert len(dataset) == 6
    assert dataset.metainfo["classes"] == ("ground", "cat", "dog")
    for index, record in enumerate(manifest["images"]):
        sample = dataset[index]
        assert sample["img_path"] == record["image"]
        mask = np.array(Image.open(tmp_path / f"store/masks/{record['id']}.png"))
        np.testing.assert_array_equal(sample["gt_seg_map"], mask)


def test_files_that_do_not_belong(make, tmp_path):
    make(confidence=True)
    store = tmp_path / "store"
    masks = store / "masks"
    good = {name: (masks / name).read_bytes() for name in ("0.png", "1.png", "2.png")}
    (masks / "0.png").unlink()
    (masks / "1.png").write_bytes(good["1.png"][:-7])
    (masks / "2.png").write_bytes(good["2.png"][:-20] + b"x" + good["2.png"][-19:])
    (masks / "guest.png").write_bytes(good["0.png"])
    (store / "confidence" / "3.png").write_bytes(b"")
    with pytest.raises(StoreError) as raised:
        build(store)
    message = str(raised.value)
    assert "masks are missing: 0;" in message
    assert "masks are cut off or were changed: 1, 2;" in message
    assert "masks that the manifest does not know: guest;" in message
    assert "confidence are cut off or were changed: 3" in message


def test_image_of_another_size(make, tmp_path):
    make()
    path = tmp_path / "store" / "manifest.json"
    manifest = json.loads(path.read_text())
    other = tmp_path / "other.png"
    Image.new("RGB", (7, 5)).save(other)
    manifest["images"][0]["image"] = str(other)
    manifest["images"][1]["image"] = str(tmp_path / "gone.jpg")
    path.write_text(json.dumps(manifest))
    message = r"other\.png is \(5, 7\), its mask \(24, 18\).*gone\.jpg: No such file"
    with pytest.raises(StoreError, match=message):
        build(tmp_path / "store")


def test_other_classes_than_the_labelled(make, cfg, tmp_path):
    make()
    store = tmp_path / "store"
    with pytest.raises(StoreError, match="0: 'ground' instead of 'sky'"):
        build(store, classes=["sky", "cat", "dog"])
    labeled = dict(cfg.train_dataloader.dataset.sources.labeled)
    pseudo = dict(type="PseudoMaskDataset", store=str(store), pipeline=PIPELINE)
    assert len(SemiDataset(dict(labeled=labeled, pseudo=pseudo))) == 8
    labeled["metainfo"] = dict(classes=["ground", "cat", "cow"])
    with pytest.raises(ValueError, match="'dog' instead of 'cow'"):
        SemiDataset(dict(labeled=labeled, pseudo=pseudo))


def test_no_store(make, tmp_path):
    with pytest.raises(StoreError, match="no pseudo-masks in"):
        build(tmp_path / "nowhere")
    pseudo = dict(type="PseudoMaskDataset", store=str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="source 'labeled': no pseudo-masks in"):
        SemiDataset(dict(labeled=pseudo, pseudo=pseudo))
    make()
    path = tmp_path / "store" / "manifest.json"
    path.write_text("{}")
    with pytest.raises(StoreError, match="is no manifest"):
        build(tmp_path / "store")
    path.unlink()
    (tmp_path / "store" / "progress").mkdir()
    with pytest.raises(StoreError, match="are not complete"):
        build(tmp_path / "store")


def test_ids():
    assert image_ids(["a/b/1.jpg", "a/c/1.jpg"]) == ["b/1", "c/1"]
    assert image_ids(["a/1.jpg", "a/1.png", "a/2.png"]) == ["1.jpg", "1.png", "2"]


def test_sources_without_images_are_named(cfg, monkeypatch):
    monkeypatch.setattr(images, "infos", lambda dataset: [])
    message = r"sources=\['labeled', 'unlabeled'\]: none of them holds an image"
    with pytest.raises(StoreError, match=message):
        list_items(cfg, ["labeled", "unlabeled"])
    with pytest.raises(StoreError, match="there is no image"):
        plan_batches([], 2)


def test_turned_photographs(tmp_path):
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 5)).save(path, exif=exif)
    assert image_size(str(path)) == (8, 5)


def test_an_image_of_two_sources_counts_once(cfg):
    del cfg.train_dataloader.dataset.sources.unlabeled["exclude"]
    items, meta = list_items(cfg, ["labeled", "unlabeled"])
    assert [item.source for item in items] == ["labeled"] * 2 + ["unlabeled"] * 4
    assert list(meta["classes"]) == ["ground", "cat", "dog"]
    # The unlabelled images' true masks are known, to measure by.
    assert all(item.mask for item in items)
