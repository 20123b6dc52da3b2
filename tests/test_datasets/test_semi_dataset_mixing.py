"""mmseg's wrapper that mixes images, as a labelled source."""

import cv2
import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS

from mmseg_semisup.datasets import SampleKey
from mmseg_semisup.datasets.sources import config_pipelines, with_pipeline

LOAD = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}]
MOSAIC = {"type": "RandomMosaic", "prob": 1.0, "img_scale": (24, 24)}
CROP = {"type": "RandomCrop", "crop_size": (24, 24)}
PACK = {"type": "PackSegInputs"}


@pytest.fixture
def plain(tmp_path):
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for i in range(2):
        image = np.full((24, 24, 3), 100 * i, np.uint8)
        cv2.imwrite(str(tmp_path / f"images/{i}.png"), image)
        cv2.imwrite(str(tmp_path / f"masks/{i}.png"), image[:, :, 0] // 100)
    inner = {
        "type": "FolderDataset",
        "data_root": str(tmp_path),
        "classes": ["a", "b"],
        "pipeline": LOAD,
    }
    mixed = {"type": "MultiImageMixDataset", "dataset": inner}
    return {**mixed, "pipeline": [MOSAIC, CROP, PACK]}


def sample_of(plain, seed, **changes):
    dataset = DATASETS.build({"type": "SemiDataset", "sources": {"labeled": plain}})
    return dataset[SampleKey("labeled", seed % 2, seed)]


def test_the_drawn_class_reaches_the_crop_after_mixing(plain):
    mosaic, crop, pack = plain["pipeline"]
    small = {**crop, "type": "RareClassCrop", "crop_size": (6, 6)}
    source = {**plain, "pipeline": [mosaic, small, pack]}
    dataset = DATASETS.build({"type": "SemiDataset", "sources": {"labeled": source}})
    for seed in range(12):
        sample = dataset[SampleKey("labeled", 1, seed, drawn_class=1)]
        mask = sample["data_samples"]["labeled"].gt_sem_seg.data
        assert mask.shape == (1, 6, 6)
        assert (mask == 1).any()


def test_images_of_a_source_are_mixed_reproducibly(plain):
    samples = [sample_of(plain, seed) for seed in range(20)]
    images = [sample["inputs"]["labeled"] for sample in samples]
    masks = [s["data_samples"]["labeled"].gt_sem_seg.data for s in samples]
    for image, mask in zip(images, masks, strict=True):
        known = mask != 255
        assert torch.equal(image[:1][known] // 100, mask[known].to(torch.uint8))
    assert any(set(mask.unique().tolist()) >= {0, 1} for mask in masks)
    again = sample_of(plain, 3)["inputs"]["labeled"]
    assert torch.equal(again, images[3])


def test_masks_of_mixed_images_are_checked(plain):
    path = plain["dataset"]["data_root"] + "/masks/1.png"
    cv2.imwrite(path, np.full((24, 24), 7, np.uint8))
    with pytest.raises(RuntimeError, match=r"masks/1\.png"):
        sample_of(plain, 1)


def test_a_skipped_transform_is_skipped(plain):
    image = sample_of({**plain, "skip_type_keys": ["RandomMosaic"]}, 0)
    assert image["inputs"]["labeled"].unique().tolist() == [0]


def test_pipelines_of_wrappers_follow_those_within(plain):
    repeated = {"type": "RepeatDataset", "times": 2, "dataset": plain}
    several = {"type": "ConcatDataset", "datasets": [repeated, plain["dataset"]]}
    assert config_pipelines(several) == [[*LOAD, MOSAIC, CROP, PACK], LOAD]
    bare = with_pipeline(several, [PACK])
    assert bare["datasets"][0]["dataset"]["type"] == "FolderDataset"
    assert config_pipelines(bare) == [[PACK], [PACK]]
