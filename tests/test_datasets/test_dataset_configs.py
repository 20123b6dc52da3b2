"""The shipped configs of datasets, on tiny folders laid out like the real ones."""

from __future__ import annotations

from pathlib import Path

import mmcv
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import FUNCTIONS
from mmseg.registry import DATA_SAMPLERS, DATASETS

from mmseg_semisup.composition import compose
from mmseg_semisup.datasets.lists import read_ids
from mmseg_semisup.datasets.splits import split_path

CONFIGS = Path(__file__).parents[2] / "configs" / "_base_" / "datasets"


def put(root, image, mask=None, size=(24, 40)):
    """An image of noise, and a mask of zeros."""
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    mmcv.imwrite(pixels, str(root / image))
    if mask is not None:
        mmcv.imwrite(np.zeros(size, np.uint8), str(root / mask))


def put_list(root, name, ids):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("\n".join(ids))


def voc12(root, cfg):
    labeled = read_ids(split_path("split:voc12aug/mittal_1322_labeled.txt"))[:2]
    others = ["2007_000032", "2007_000039"]
    for name in [*labeled, *others]:
        put(root, f"JPEGImages/{name}.jpg", f"SegmentationClassAug/{name}.png")
    put(root, "JPEGImages/v.jpg", "SegmentationClass/v.png")
    put_list(root, "ImageSets/Segmentation/val.txt", ["v"])
    put_list(root, "some.txt", labeled)
    put_list(root, "train.txt", [*labeled, *others])
    cfg.unlabeled.ann_file = "train.txt"
    return "some.txt"


def cityscapes(root, cfg):
    labeled = read_ids(split_path("split:cityscapes/unimatch_1_8_labeled.txt"))[:2]
    for part, names in (
        ("train", [*labeled, "ulm/ulm_x", "ulm/ulm_y"]),
        ("val", ["lindau/lindau_z"]),
    ):
        for name in names:
            put(
                root,
                f"leftImg8bit/{part}/{name}_leftImg8bit.png",
                f"gtFine/{part}/{name}_gtFine_labelTrainIds.png",
                size=(64, 128),
            )
    put_list(root, "some.txt", labeled)
    return "some.txt"


def context(root, cfg):
    for name in "abcdv":
        put(root, f"JPEGImages/{name}.jpg", f"SegmentationClassContext/{name}.png")
    folder = "ImageSets/SegmentationContext"
    put_list(root, f"{folder}/semi/1_8_labeled.txt", ["a", "c"])
    put_list(root, f"{folder}/train.txt", ["a", "b", "c", "d"])
    put_list(root, f"{folder}/val.txt", ["v"])
    return f"{folder}/semi/1_8_labeled.txt"


def folder(root, cfg):
    for name in "abcd":
        mask = f"train/masks/{name}.png" if name < "c" else None
        put(root, f"train/images/{name}.jpg", mask)
    put(root, "val/images/v.jpg", "val/masks/v.png")


def animals(root, cfg):
    for name in "abcdv":
        put(root, f"images/{name}.jpg", f"masks/{name}.png")
    put_list(root, "splits/unimatch183_labeled.txt", ["a", "c"])
    put_list(root, "splits/train_aug.txt", ["a", "b", "c", "d"])
    put_list(root, "splits/val.txt", ["v"])
    return "splits/unimatch183_labeled.txt"


def tiles(root, cfg):
    for name in "abcdv":
        put(root, f"images/{name}.jpg", f"masks/{name}.png")
    put_list(root, "splits/seed0_1_16_labeled.txt", ["a", "c"])
    put_list(root, "splits/train.txt", ["a", "b", "c", "d"])
    put_list(root, "splits/val.txt", ["v"])
    return "splits/seed0_1_16_labeled.txt"


LAYOUTS = {
    "magnetic_tiles.py": tiles,
    "pascal_voc12_aug.py": voc12,
    "pascal_voc12_aug_320.py": voc12,
    "cityscapes.py": cityscapes,
    "cityscapes_full.py": cityscapes,
    "cityscapes_720.py": cityscapes,
    "pascal_context.py": context,
    "folder.py": folder,
    "voc_animals.py": animals,
}


REST = ("models/unet_tiny.py", "schedules/sgd_20k.py", "default_runtime.py")


@pytest.mark.parametrize("name", LAYOUTS)
def test_config_gives_batches_of_both_kinds(name, tmp_path):
    cfg = Config.fromfile(CONFIGS / name)
    for part in (
        cfg.train_dataloader.dataset,
        cfg.val_dataloader.dataset,
        cfg.unlabeled,
    ):
        below = part.data_root.removeprefix(cfg.data_root)
        part.data_root = f"{tmp_path}{below}"
    cfg.labeled = LAYOUTS[name](tmp_path, cfg)
    for base in REST:
        cfg.merge_from_dict(Config.fromfile(CONFIGS.parent / base)._cfg_dict.to_dict())
    crops = [s for s in cfg.train_pipeline if s["type"] == "RandomCrop"]
    sides = crops[0].crop_size if crops else (512, 1024)
    cfg = compose(cfg, "adv_semi_seg")

    loader = cfg.train_dataloader
    dataset = DATASETS.build(loader.dataset)
    assert {k: len(v) for k, v in dataset.sources.items()} == {
        "labeled": 2,
        "unlabeled": 2,
    }
    sampler = DATA_SAMPLERS.build(
        dict(loader.sampler, seed=0), default_args={"dataset": dataset}
    )
    assert loader.batch_size % sum(loader.sampler.ratio.values()) == 0
    samples = [dataset[sampler.key(i)] for i in range(4)]
    batch = FUNCTIONS.get(loader.collate_fn.type)(samples)
    assert {k: len(v) for k, v in batch["inputs"].items()} == {
        "labeled": 2,
        "unlabeled": 2,
    }
    seen = {
        kind: {sample.img_path for sample in batch["data_samples"][kind]}
        for kind in ("labeled", "unlabeled")
    }
    assert not seen["labeled"] & seen["unlabeled"]
    for image in (*batch["inputs"]["labeled"], *batch["inputs"]["unlabeled"]):
        assert all(n <= m for n, m in zip(image.shape[1:], sides, strict=True))

    val = DATASETS.build(cfg.val_dataloader.dataset)
    sample = val[0]["data_samples"]
    assert sample.gt_sem_seg.shape == sample.ori_shape
    assert cfg.test_dataloader.dataset.type == cfg.val_dataloader.dataset.type


def test_cityscapes_is_scored_at_half_resolution(tmp_path):
    cfg = Config.fromfile(CONFIGS / "cityscapes.py")
    put(tmp_path, "a_leftImg8bit.png", "a_gtFine_labelTrainIds.png", size=(1024, 2048))
    dataset = cfg.val_dataloader.dataset
    folders = {"img_path": str(tmp_path), "seg_map_path": str(tmp_path)}
    dataset.update(data_root=None, data_prefix=folders)
    sample = DATASETS.build(dataset)[0]
    assert sample["inputs"].shape == (3, 512, 1024)
    assert sample["data_samples"].ori_shape == (512, 1024)
    assert sample["data_samples"].gt_sem_seg.shape == (512, 1024)
