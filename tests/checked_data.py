"""Ten small images with masks, and the check of a config that names them."""

from __future__ import annotations

import numpy as np
from mmengine.config import ConfigDict
from PIL import Image

from mmseg_semisup.datasets import checks

LOAD = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}]
PACK = {"type": "PackSegInputs"}


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def save_ten_images(root):
    """Ten images, 12x8; 0..3 and the validated 8, 9 have masks of three classes."""
    rng = np.random.default_rng(0)
    for i in range(10):
        save(
            root / f"images/{i}.jpg",
            rng.integers(0, 256, (8, 12, 3), dtype=np.uint8),
        )
        if i < 4 or i > 7:
            mask = np.arange(96, dtype=np.uint8).reshape(8, 12) % 3
            mask[0] = 255
            save(root / f"masks/{i}.png", mask)
    write_ids(root, "labeled", range(4))
    write_ids(root, "unlabeled", range(4, 8))
    write_ids(root, "val", (8, 9))


def write_ids(root, name, ids):
    (root / f"{name}.txt").write_text("".join(f"{i}\n" for i in ids))


def config(root, **changes):
    """A config as of an mmseg dataset and a folder without masks."""
    masks = {
        "type": "BaseSegDataset",
        "data_root": str(root),
        "data_prefix": {"img_path": "images", "seg_map_path": "masks"},
        "metainfo": {"classes": ("a", "b", "c")},
        "pipeline": [*LOAD, {"type": "RandomCrop", "crop_size": (4, 4)}, PACK],
    }
    unlabeled = {
        "type": "UnlabeledDataset",
        "data_root": str(root),
        "data_prefix": {"img_path": "images"},
        "ann_file": "unlabeled.txt",
        "pipeline": [LOAD[0], {"type": "MultiView", "views": {"unlabeled": [PACK]}}],
    }
    cfg = ConfigDict(
        train_dataloader={
            "batch_size": 4,
            "sampler": {"ratio": {"labeled": 1, "unlabeled": 1}},
            "dataset": {
                "type": "SemiDataset",
                "sources": {
                    "labeled": {**masks, "ann_file": "labeled.txt"},
                    "unlabeled": unlabeled,
                },
            },
        },
        val_dataloader={"dataset": {**masks, "ann_file": "val.txt"}},
        test_dataloader={"dataset": {**masks, "ann_file": "val.txt"}},
    )
    for key, value in changes.items():
        cfg.train_dataloader.dataset.sources[key].update(value)
    return cfg


def check(cfg, level="cheap", **options):
    """Problems as (kind, text)."""
    report = checks.check_data(cfg, level, **options, workers=1)
    return [(problem.kind, problem.text) for problem in report.problems]


def expect(found, kind, *parts):
    assert [k for k, _ in found] == [kind], found
    for part in parts:
        assert part in found[0][1]
