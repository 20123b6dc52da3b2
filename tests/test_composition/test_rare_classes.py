"""One line of a config, and what becomes of sampler and crops."""

from __future__ import annotations

import pytest
from mmseg.registry import DATASETS
from plain_configs import CROP, draw_images, plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.composition.rare_classes import draw_by_class
from mmseg_semisup.composition.record import Record
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets import SourceSampler


def labeled(cfg):
    return cfg.train_dataloader.dataset.sources.labeled


def crops(steps):
    return [step for step in steps if "Crop" in step["type"]]


@pytest.mark.parametrize("method", ["supervised", "cutmix"])
@pytest.mark.parametrize(
    ("stated", "options"),
    [(True, {}), ({"share": 1.0, "temperature": 0.1}, None)],
)
def test_labelled_images_and_crops_are_drawn_by_class(method, stated, options):
    images = "photos" if method == "cutmix" else None
    cfg = compose(plain_config(rare_classes=stated), method, images)
    rare = cfg.train_dataloader.sampler.rare_classes
    assert rare == {"labeled": stated if options is None else options}
    (crop,) = crops(labeled(cfg).pipeline)
    assert crop == {**CROP, "type": "RareClassCrop"}
    if images:
        unlabeled = cfg.train_dataloader.dataset.sources.unlabeled
        (crop,) = crops(unlabeled.pipeline[-1].shared)
        assert crop["type"] == "RandomCrop"
    assert "rare_classes" not in cfg
    assert cfg.composed.source.rare_classes == stated
    assert any("drawn by class" in note for note in cfg.composed.notes)
    # The composed config says all, and composes to itself.
    again = compose(cfg, method, images, rare_classes=stated)
    assert again.to_dict() == cfg.to_dict()


@pytest.mark.parametrize("stated", [None, False])
def test_without_it_nothing_changes(stated):
    plain = compose(plain_config(), "supervised")
    cfg = compose(plain_config(), "supervised", rare_classes=stated)
    assert cfg.train_dataloader == plain.train_dataloader
    assert compose(plain_config(rare_classes=True), "supervised", rare_classes=False)


def test_the_argument_counts_more_than_config_and_method():
    block = {"base": "supervised", "rare_classes": {"share": 0.25}}
    cfg = compose(plain_config(), block)
    assert cfg.train_dataloader.sampler.rare_classes == {"labeled": {"share": 0.25}}
    cfg = compose(plain_config(rare_classes=True), block)
    assert cfg.train_dataloader.sampler.rare_classes == {"labeled": {}}
    cfg = compose(plain_config(rare_classes=True), block, rare_classes=False)
    assert "rare_classes" not in cfg.train_dataloader.sampler


def test_all_stages_draw_by_class():
    cfg = compose(plain_config(), "three_stage", "photos", rare_classes=True)
    assert cfg.train_dataloader.sampler.rare_classes == {"labeled": {}}
    for stage in cfg.stages:
        loader = stage["changes"].get("train_dataloader", {})
        sampler = loader.get("sampler", {})
        if sampler.get("_delete_"):
            assert sampler["rare_classes"] == {"labeled": {}}
        sources = loader.get("dataset", {}).get("sources", {})
        for step in crops(sources.get("labeled", {}).get("pipeline", [])):
            assert step["type"] == "RareClassCrop"


def test_crops_within_other_transforms():
    choice = {
        "type": "RandomChoice",
        "transforms": [[{"type": "mmseg.RandomCrop", "crop_size": 4}], [CROP]],
    }
    sources = {"labeled": {"pipeline": [choice]}}
    loader = {"sampler": {}, "dataset": {"sources": sources}}
    draw_by_class(loader, "labeled", True, Record())
    made = loader["dataset"]["sources"]["labeled"]["pipeline"][0]["transforms"]
    assert [step["type"] for (step,) in made] == ["RareClassCrop"] * 2


def test_it_trains_on_the_drawn_classes(tmp_path):
    draw_images(tmp_path)
    cfg = compose(plain_config(tmp_path), "supervised", rare_classes={"share": 1.0})
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    ratio, rare = (cfg.train_dataloader.sampler[k] for k in ("ratio", "rare_classes"))
    sampler = SourceSampler(dataset, ratio, seed=0, rare_classes=rare)
    for position in range(6):
        key = sampler.key(position)
        mask = dataset[key]["data_samples"]["labeled"].gt_sem_seg.data
        assert (mask == key.drawn_class).any()


@pytest.mark.parametrize(
    ("stated", "text"),
    [
        (3, "rare_classes=3; allowed: True, or a dict with temperature, share"),
        ({"temprature": 1}, "no option 'temprature'; did you mean 'temperature'"),
    ],
)
def test_other_values_are_refused(stated, text):
    with pytest.raises(ConfigError, match=text):
        compose(plain_config(rare_classes=stated), "supervised")


def test_it_needs_a_method():
    with pytest.raises(ConfigError, match="rare_classes=True needs a method, too; 'su"):
        compose(plain_config(rare_classes=True))
