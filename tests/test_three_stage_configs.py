"""Numbers and ablations of three-stage self-training, as the paper states them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.datasets.lists import read_ids
from mmseg_semisup.datasets.splits import split_path
from mmseg_semisup.models.objectives import named_configs
from mmseg_semisup.stages import split_stages

ROOT = Path(__file__).parents[1] / "configs/three_stage"
VOC, CITY = "deeplabv2-r101_60k_voc-212", "deeplabv2-r101_60k_cityscapes-100"


def load(name):
    return load_config(ROOT / f"{name}.py", stages="keep")


def semi(cfg):
    """The configs of the stages after the first."""
    return [stage.cfg for stage in split_stages(cfg) if stage.name != "stage1"]


# Section IV-B. Of the images of a step, as many have masks as the paper's sub-batch 1.
PRESETS = [
    ("voc-106", 106, 0.25, (1, 9)),
    ("voc-212", 212, 0.25, (1, 9)),
    ("voc-529", 529, 1.25, (1, 9)),
    ("voc-1323", 1323, 0.625, (2, 8)),
    ("cityscapes-100", 100, 0.5, (1, 4)),
    ("cityscapes-372", 372, 0.5, (1, 4)),
    ("cityscapes-744", 744, 0.5, (1, 4)),
    ("cityscapes-1488", 1488, 0.5, (3, 2)),
]
NAMES = [(f"deeplabv2-r101_60k_{split}", *rest) for split, *rest in PRESETS]
NAMES += [
    (f"deeplabv2-r101-imagenet_60k_{split}", *rest) for split, *rest in PRESETS[:4]
]


@pytest.mark.parametrize(("name", "masks", "weight", "batch"), NAMES)
def test_presets(name, masks, weight, batch):
    cfg = load(f"three-stage_{name}")
    labeled = cfg.train_dataloader.dataset.sources.labeled
    assert len(read_ids(split_path(labeled.ann_file))) == masks
    assert [stage.name for stage in cfg.stages] == ["stage1", "stage2", "stage3"]
    optimizer = cfg.optim_wrapper.segmentor.optimizer
    assert (optimizer.type, optimizer.lr, cfg.train_cfg.max_iters) == (
        "Adam",
        3e-5,
        60000,
    )
    backbone = cfg.model.segmentor.backbone
    from_imagenet = "imagenet" in name or "cityscapes" in name
    assert ("COCO" in backbone.init_cfg.checkpoint) != from_imagenet
    assert cfg.model.segmentor.data_preprocessor.bgr_to_rgb != from_imagenet
    assert backbone.norm_eval
    assert split_stages(cfg)[0].cfg.train_dataloader.batch_size == sum(batch)
    for changes in semi(cfg):
        objectives = changes.model.objectives
        assert list(objectives) == ["consistency", "pseudo_mask"]
        assert [o.weight for o in objectives.values()] == [weight, weight]
        ratio = changes.train_dataloader.sampler.ratio
        assert (ratio.labeled, ratio.pseudo) == batch
        assert changes.train_dataloader.batch_size == sum(batch)
        assert [m for _, m in changes.model.teacher.momentum] == [
            0.99,
            0.995,
            0.9975,
            0.999,
        ]
    stage2, stage3 = (changes.model.objectives.pseudo_mask for changes in semi(cfg))
    assert stage2.stage.width == 0.5
    assert stage2.head == {"in_channels": 1024}
    assert not {"stage", "head"} & set(stage3)


@pytest.mark.parametrize("base", [VOC, CITY])
def test_ablations_leave_out_what_their_name_says(base):
    full = load(f"three-stage_{base}")
    for changes in semi(load(f"three-stage-no-cr_{base}")):
        assert list(named_configs(changes.model.objectives)) == ["pseudo_mask"]
    for changes in semi(load(f"three-stage-no-sa_{base}")):
        views = changes.train_dataloader.dataset.sources.pseudo.pipeline[-1]["views"]
        assert views["pseudo"] == views["pseudo_strong"]
    for changes in semi(load(f"three-stage-no-ema_{base}")):
        assert changes.model.teacher.momentum == 0.0
    stage2, stage3 = semi(load(f"three-stage-no-n2_{base}"))
    assert stage2.model.objectives == stage3.model.objectives
    four = load(f"four-stage_{base}")
    assert [s.name for s in four.stages] == ["stage1", "stage2", "stage3", "stage4"]
    assert four.stages[3].changes == full.stages[2].changes
    alone = load(f"three-stage-no-t2_{base}")
    assert list(alone.model.objectives) == ["consistency"]
    stage3, source = semi(full)[1], alone.train_dataloader.dataset.sources.unlabeled
    for key in ("weight", "threshold", "mix", "plain_branches"):
        expected = stage3.model.objectives.consistency[key]
        assert alone.model.objectives.consistency[key] == expected
    assert alone.model.teacher == stage3.model.teacher
    assert alone.train_dataloader.batch_size == stage3.train_dataloader.batch_size
    loader = stage3.train_dataloader
    assert alone.train_dataloader.sampler.ratio.unlabeled == loader.sampler.ratio.pseudo
    shared, strong = source.pipeline[-1].shared, source.pipeline[-1].views
    pseudo = loader.dataset.sources.pseudo.pipeline[-1]
    assert shared == pseudo.shared
    assert [step.type for step in strong.unlabeled_strong] == [
        step.type for step in pseudo.views.pseudo_strong
    ]
    assert source.exclude == []


@pytest.mark.parametrize(("base", "iterations"), [(VOC, 10000), (CITY, 20000)])
def test_published_code(base, iterations):
    cfg = load(f"three-stage-code_{base}")
    assert split_stages(cfg)[0].cfg.train_cfg.max_iters == iterations
    # Stage 1 has no teacher.
    networks = [s.pseudo_masks.network for s in cfg.stages[1:]]
    assert networks == ["student", "teacher"]
    classes = cfg.model.segmentor.decode_head.num_classes
    for changes in semi(cfg):
        assert changes.model.test_cfg.predict_with == "teacher"
        assert changes.model.objectives.pseudo_mask.head.num_classes == classes + 1


def test_the_light_config_compares_with_as_many_supervised_iterations():
    cfg = load("three-stage_lite0_2k_voc-animals-65")
    baseline = load_config("supervised/supervised_lite0_6k_voc-animals-65.py")
    iterations = len(cfg.stages) * cfg.train_cfg.max_iters
    assert baseline.train_cfg.max_iters == iterations
    assert baseline.param_scheduler[0]["end"] == iterations
