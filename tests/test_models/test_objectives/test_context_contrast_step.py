"""What a step of context-aware consistency asks of the host, and its configs' lists."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch
from helpers import PREPROCESSOR, tiny_segmentor
from mmengine.config import Config

from mmseg_semisup.benchmark import set_sizes
from mmseg_semisup.benchmark.floor import record_passes
from mmseg_semisup.benchmark.operations import count_waits
from mmseg_semisup.benchmark.step import TrainingStep
from mmseg_semisup.cli.config import load_config
from mmseg_semisup.datasets.lists import read_ids
from mmseg_semisup.datasets.splits import split_path
from test_models.test_objectives.test_context_contrast import crops

CONFIGS = Path(__file__).parents[3] / "configs/context_aware"
LOSS = importlib.import_module("mmseg_semisup.models.losses.directional_contrast")


def step(segmentor=None, **objective):
    objectives = [
        {
            "type": "ContextContrastObjective",
            "in_channels": 8,
            "projector": {"channels": 6},
            "bank_size": 40,
            **objective,
        }
    ]
    cfg = {
        "model": {
            "type": "SemiSegmentor",
            "segmentor": segmentor or tiny_segmentor(),
            "objectives": objectives,
            "data_preprocessor": PREPROCESSOR,
        },
        "optim_wrapper": {
            "constructor": "JointOptimWrapperConstructor",
            "segmentor": {"optimizer": {"type": "SGD", "lr": 0.01}},
        },
        "train_cfg": {"max_iters": 9},
    }
    return TrainingStep.from_config(Config(cfg), crops(), "cpu")


@pytest.mark.parametrize("batch_negatives", [None, 20])
def test_the_host_waits_for_nothing(monkeypatch, batch_negatives):
    """With the order of a GPU: on a CPU, pulled pixels are counted, which is free."""
    monkeypatch.setattr(
        LOSS,
        "_pulled_first",
        lambda pulled: pulled.to(torch.uint8).argsort(descending=True, stable=True),
    )
    training = step(batch_negatives=batch_negatives)
    training()
    without = step()
    without.model.objectives = torch.nn.ModuleDict()
    without()
    assert count_waits(training, "cpu") == count_waits(without, "cpu")


def test_needs_three_passes_of_the_student():
    passes = record_passes(step())
    names = [p.name for p in passes]
    # The loss reads the embedding inside the head, which learns in all three.
    assert all(p.gradients == ["weights"] for p in passes)
    assert names.count("student.backbone") == names.count("student.decode_head") == 3
    assert names.count("context_contrast.projector") == 2
    assert len(names) == 8


SIZES = {str(n): n for n in (372, 662, 744, 1323, 1464, 2645)} | {"all": None}
LEAVES = sorted(p.stem for p in CONFIGS.glob("*_93k_*.py"))


@pytest.mark.parametrize("name", LEAVES)
def test_configs_have_the_images_of_their_name(name):
    cfg = load_config(CONFIGS / f"{name}.py")
    sources = cfg.train_dataloader.dataset.sources
    size = SIZES[name.rpartition("-")[2]]
    if size is None:
        lists = (None, "split:voc12aug/train_aug.txt")
        assert sources.labeled.get("ann_file") in lists
        assert sources.unlabeled.exclude == []
    else:
        assert ("unimatch" if size == 1464 else "cac_0") in sources.labeled.ann_file
        assert len(read_ids(split_path(sources.labeled.ann_file))) == size
        unlabeled = sources.get("unlabeled", {"exclude": "source:labeled"})
        assert unlabeled.get("store") or unlabeled["exclude"] == "source:labeled"
    ratio = cfg.train_dataloader.sampler.ratio
    assert cfg.train_dataloader.batch_size == 8 * sum(ratio.values())
    assert cfg.train_cfg.max_iters == 80 * 1157


def test_the_paper_s_values():
    """Section 4.1."""
    cfg = load_config(CONFIGS / "context-aware_deeplabv3plus-r50_93k_voc-1323.py")
    (objective,) = cfg.model.objectives.values()
    expected = dict(weight=0.1, gamma=0.75, temperature=0.1, pool=None)
    assert {k: objective[k] for k in expected} == expected
    assert round(objective.start * cfg.train_cfg.max_iters) == 5 * 1157
    assert objective.projector.channels == 128
    part = cfg.optim_wrapper.segmentor
    assert part.optimizer.lr == 0.01
    assert part.paramwise_cfg.custom_keys.backbone.lr_mult == 0.1
    city = load_config(
        CONFIGS / "context-aware_deeplabv3plus-r50_93k_cityscapes-372.py"
    )
    assert city.optim_wrapper.segmentor.optimizer.lr == 0.1
    view = city.train_dataloader.dataset.sources.unlabeled.pipeline[1]
    draw = view.shared[1]
    assert (tuple(draw.crop_size), tuple(draw.iou_range)) == ((720, 720), (0.1, 1.0))


def test_benchmark_can_change_the_crops():
    cfg = load_config(CONFIGS / "context-aware_pspnet-r50_93k_voc-1323.py")
    set_sizes(cfg, batch=4, crop=160)
    view = cfg.train_dataloader.dataset.sources.unlabeled.pipeline[1]
    sizes = {
        view.shared[1].crop_size,
        *(steps[0].crop_size for steps in view.views.values()),
        cfg.model.segmentor.data_preprocessor.size,
    }
    assert sizes == {(160, 160)}


def test_benchmark_runs_synchronised_norms_in_one_process():
    segmentor = tiny_segmentor(norm_cfg={"type": "SyncBN"})
    training = step(segmentor=segmentor)
    before = training.model.segmentor.backbone.conv1.weight.detach().clone()
    training()
    assert not torch.equal(training.model.segmentor.backbone.conv1.weight, before)
