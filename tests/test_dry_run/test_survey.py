from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_semisup.datasets import LoadPseudoMask
from mmseg_semisup.datasets.checks.classes import count_classes, count_pixels, spread
from mmseg_semisup.datasets.checks.images import bits, count_sizes, deep_images
from mmseg_semisup.dry_run.survey import pixel_table, survey

LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackSegInputs"}
CROP = {"type": "RandomCrop", "crop_size": (16, 16)}


@pytest.fixture
def root(tmp_path):
    """Forty images of 20x30 pixels; the last one alone shows the class 2."""
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for i in range(40):
        mask = np.zeros((20, 30), np.uint8)
        mask[:4] = 2 if i == 39 else 1
        Image.fromarray(mask).save(tmp_path / f"masks/{i:02d}.png")
        image = np.full((20, 30, 3), i, np.uint8)
        Image.fromarray(image).save(tmp_path / f"images/{i:02d}.png")
    return tmp_path


def masks(root, steps=()):
    steps = [LOAD, {"type": "LoadAnnotations"}, *steps, PACK]
    cfg = {"type": "FolderDataset", "classes": ["a", "b", "c"], "data_root": str(root)}
    return DATASETS.build({**cfg, "pipeline": steps})


def test_masks_are_read_until_each_class_was_seen(root):
    count = count_classes({"labeled": masks(root)})
    assert not count.never
    assert count.complete
    assert count.total == 40
    assert count.read < 40
    assert count.text() == f"3 of 3 seen in {count.read} of 40 masks"
    short = count_classes({"labeled": masks(root)}, seconds=0)
    assert (short.read, short.complete) == (1, False)
    assert "none of the 1 masks read (of 40) shows" in short.problems()[0]
    assert short.one_class is None


def test_a_class_in_no_mask(root):
    (root / "masks/39.png").unlink()
    count = count_classes({"labeled": masks(root)})
    assert (count.read, count.total, count.never) == (39, 39, ["c"])
    assert count.text() == "2 of 3 seen in 39 of 39 masks; never: c"
    assert count.problems() == ["no labelled image shows 'c' (class 2)"]


def test_pixels_are_counted(root):
    count = count_pixels(masks(root), seconds=60)
    assert count.read == 40
    assert count.pixels[:3].tolist() == [40 * 480, 39 * 120, 120]
    assert count.images[:3].tolist() == [40, 39, 1]
    assert count.shares.sum() == pytest.approx(1)
    assert "   2 c" in pixel_table(count, "pseudo")


def test_masks_beside_the_image_are_counted(root):
    dataset = masks(root)
    dataset.pipeline.transforms[1] = LoadPseudoMask(store=None)
    assert count_pixels(dataset, seconds=60).images[:3].tolist() == [40, 39, 1]


def test_a_mask_of_other_classes_is_named(root):
    Image.fromarray(np.full((20, 30), 7, np.uint8)).save(root / "masks/39.png")
    found = survey(masks(root))
    assert len(found.errors) == 1
    assert "39.png: the mask has the values [7]; allowed: 0 to 2" in found.errors[0]


def test_sizes_in_front_of_the_crop(root):
    double = {"type": "Resize", "scale_factor": 2.0, "keep_ratio": True}
    count = count_sizes(masks(root, [double, CROP]))
    assert set(count.files) == {(20, 30)}
    assert set(count.entering) == {(40, 60)}
    assert count.problem("labeled") == ""
    large = count_sizes(masks(root, [{**CROP, "crop_size": (24, 16)}]))
    assert "12 of 12 images looked at are smaller than the crop of 24x16" in (
        large.problem("labeled")
    )
    assert count_sizes(masks(root)).crop is None


def test_the_first_crop_within_views_counts(root):
    views = {"unlabeled": [PACK]}
    steps = [LOAD, {"type": "MultiView", "shared": [CROP], "views": views}]
    prefix = {"img_path": "images"}
    dataset = DATASETS.build(
        {
            "type": "UnlabeledDataset",
            "data_root": str(root),
            "data_prefix": prefix,
            "pipeline": steps,
        }
    )
    assert count_sizes(dataset).crop == (16, 16)


def test_depth(root):
    deep = root / "images/00.png"
    Image.fromarray(np.full((20, 30), 4000, np.uint16)).save(deep)
    tiff = root / "deep.tif"
    Image.fromarray(np.full((20, 30), 4000, np.uint16)).save(tiff)
    assert [bits(str(p)) for p in (deep, tiff, root / "images/01.png")] == [16, 16, 8]
    assert bits(str(root / "absent.png")) == bits(str(root / "list.txt")) == 8
    (text,) = deep_images({"labeled": masks(root)})
    assert "1 of 40 images looked at have 16 bits a channel" in text
    unchanged = [{**LOAD, "color_type": "unchanged"}, {"type": "LoadAnnotations"}]
    cfg = {"type": "FolderDataset", "classes": ["a", "b", "c"], "data_root": str(root)}
    dataset = DATASETS.build({**cfg, "pipeline": unchanged})
    assert deep_images({"labeled": dataset}) == []


def write_store(folder, root, value):
    """A store of pseudo-masks of one value, of the first ten images."""
    records = []
    (folder / "masks").mkdir(parents=True)
    for i in range(10):
        path = folder / f"masks/{i:02d}.png"
        Image.fromarray(np.full((20, 30), value, np.uint8)).save(path)
        content = path.read_bytes()
        size = {"bytes": len(content), "crc32": zlib.crc32(content)}
        image = str(root / f"images/{i:02d}.png")
        record = {"id": f"{i:02d}", "image": image, "size": [20, 30], "masks": size}
        records.append(record)
    names = {"classes": ["a", "b", "c"], "palette": [[0, 0, 0]] * 3}
    manifest = {"format": 1, **names, "images": records}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def with_pseudo_masks(root, store):
    steps = [LOAD, {"type": "LoadAnnotations"}, PACK]
    pseudo = {"type": "PseudoMaskDataset", "store": str(store), "pipeline": steps}
    sources = {"labeled": masks(root), "pseudo": pseudo}
    return DATASETS.build({"type": "SemiDataset", "sources": sources})


def test_pseudo_masks_of_one_class(root, tmp_path):
    found = survey(with_pseudo_masks(root, write_store(tmp_path / "store", root, 1)))
    assert not found.errors
    (text,) = found.warnings
    assert text == (
        "the pseudo-masks of the source 'pseudo' (10 of 10 read): 2 of 3 classes have "
        "no pixel: a, c; 'b' has 100.00% of the pixels; see the table"
    )
    (table,) = found.tables
    assert [line.split() for line in table.splitlines()] == [
        ["pseudo:", "class", "masks", "pixels"],
        ["0", "a", "0", "0.00%"],
        ["1", "b", "10", "100.00%"],
        ["2", "c", "0", "0.00%"],
    ]
    # The classes are those of the true masks.
    assert found.classes.total == 40


def test_images_of_pseudo_masks_may_be_validated(root, tmp_path):
    dataset = with_pseudo_masks(root, write_store(tmp_path / "store", root, 1))
    other = masks(root)
    dataset.sources["labeled"].get_subset_(list(range(20, 40)))
    other.get_subset_(list(range(10)))
    found = survey(dataset, other)
    assert not found.errors
    assert "pseudo and validation share 10 images (of 10 and 10)" in found.warnings[0]


def test_a_mask_that_cannot_be_validated_stops_a_training(root, tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / "val" / kind).mkdir(parents=True)
        Image.fromarray(np.full((20, 30), 7, np.uint8)).save(
            tmp_path / f"val/{kind}/x.png"
        )
    found = survey(masks(root), masks(tmp_path / "val"))
    assert len(found.errors) == 1
    assert "val/masks/x.png" in found.errors[0]
    assert "7" in found.errors[0]


def test_neighbours_are_far_apart():
    found = list(spread(range(40)))
    assert sorted(found) == list(range(40))
    assert min(abs(a - b) for a, b in zip(found, found[1:], strict=False)) > 5
    assert list(spread([])) == []
    assert list(spread(["x"])) == ["x"]


def test_shared_images_unless_they_are_allowed(root):
    (root / "masks/39.png").rename(root / "moved.png")
    fewer = masks(root)
    (root / "moved.png").rename(root / "masks/39.png")
    found = survey(masks(root), fewer)
    assert "labeled and validation share 39 images (of 40 and 39)" in found.errors[0]
    allowed = survey(masks(root), fewer, allow=["validated"])
    assert not allowed.errors
    assert "share 39" in allowed.warnings[0]
    # The same folder twice may be meant.
    same = survey(masks(root), masks(root))
    assert not same.errors
    assert "say nothing about other images" in same.warnings[0]
