"""Classes that no labelled image shows are found."""

from __future__ import annotations

import numpy as np
import pytest
from checked_data import LOAD, check, config, expect, save, write_ids

from mmseg_semisup.datasets import checks
from mmseg_semisup.datasets.checks import labels

pytestmark = pytest.mark.usefixtures("quick_collection")


def test_class_without_labelled_image(ten_images):
    for i in range(4):
        mask = np.zeros((8, 12), np.uint8)
        mask[i] = 2
        save(ten_images / f"masks/{i}.png", mask)
    assert check(config(ten_images)) == []
    found = check(config(ten_images), "full")
    expect(found, "missing-class", "no labelled image shows 'b' (class 1)")
    assert check(config(ten_images), "full", allow=["missing-class"]) == []


LABELS = [*LOAD, {"type": "LoadImageLabels", "num_classes": 3}]


@pytest.mark.parametrize("level", ["cheap", "full"])
def test_class_without_image_label(ten_images, level, monkeypatch):
    cfg = config(ten_images, labeled={"pipeline": LABELS})
    assert check(cfg, level) == []
    for i in range(4):
        save(ten_images / f"masks/{i}.png", np.full((8, 12), 2 * (i % 2), np.uint8))
    text = "no labelled image shows 'b' (class 1)"
    expect(check(cfg, level), "missing-class", text)
    assert check(cfg, level, allow=["missing-class"]) == []
    monkeypatch.setattr(checks, "LIMIT", 2)
    report = checks.check_data(cfg, level, workers=1)
    assert len(report.problems) == (level == "full")
    if level == "cheap":
        # The masks 0 and 2 are read.
        sampled = "none of 2 labelled images shows 'b' (class 1); the full check"
        assert sampled in report.text()
        assert [problem.text[:36] for problem in report.warnings] == [
            "none of 2 labelled images shows 'b' ",
            "none of 2 labelled images shows 'c' ",
        ]


def test_a_list_of_labels_shows_what_masks_do_not(ten_images):
    cfg = config(ten_images, labeled={"pipeline": LABELS})
    save(ten_images / "masks/0.png", np.full((8, 12), 77, np.uint8))
    for i in range(1, 4):
        save(ten_images / f"masks/{i}.png", np.zeros((8, 12), np.uint8))
    assert len(check(cfg)) == 2
    (ten_images / "weak.txt").write_text("4: b, c\n5: b\n")
    cfg.train_dataloader.dataset.sources.weak = {
        "type": "WeakLabelDataset",
        "classes": ("a", "b", "c"),
        "data_root": str(ten_images),
        "ann_file": "weak.txt",
        "allow_missing": True,
        "pipeline": [LOAD[0], LABELS[-1]],
    }
    write_ids(ten_images, "unlabeled", (6, 7))
    assert check(cfg) == []
    expect(check(cfg, "full"), "mask-values", "masks/0.png: ")


def test_labelled_images_of_nothing_but_ignored_pixels(ten_images):
    for i in range(4):
        save(ten_images / f"masks/{i}.png", np.full((8, 12), 255, np.uint8))
    found = check(config(ten_images), "full")
    assert [kind for kind, _ in found] == ["missing-class"] * 3


def test_a_class_that_no_mask_shows_is_warned_of(ten_images):
    for i in range(4):
        mask = np.full((8, 12), 255 if i else 0, np.uint8)
        mask[0] = 2
        save(ten_images / f"masks/{i}.png", mask)
    report = checks.check_data(config(ten_images))
    assert not report.problems
    (warning,) = report.warnings
    assert warning.text == "no labelled image shows 'b' (class 1)"
    assert "no labelled image shows 'b'" in report.text()


def test_masks_are_read_until_all_classes_were_seen(ten_images, monkeypatch):
    monkeypatch.setattr(labels, "FEW", 2)
    assert not checks.check_data(config(ten_images)).warnings
    for i in range(4):
        mask = np.full((8, 12), i % 2, np.uint8)
        mask[0] = 2
        save(ten_images / f"masks/{i}.png", mask)
    (warning,) = checks.check_data(config(ten_images)).warnings
    assert warning.text.startswith("none of 2 labelled images shows 'b' (class 1); the")
