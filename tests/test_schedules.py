"""The schedules of the papers' configs: the published decay, epochs in iterations."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from mmengine.optim import PolyLR
from tiny_configs import LEAVES, read

from mmseg_semisup.datasets.lists import read_ids
from mmseg_semisup.datasets.splits import split_path

OURS = ("_lite0_", "demo/")
"""Parts of the names of configs that reproduce no paper."""
PAPERS = [name for name in LEAVES if not any(part in name for part in OURS)]


@pytest.mark.parametrize("iterations", [2, 30])
def test_a_decay_that_ends_one_later_is_the_published_one(iterations):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = PolyLR(
        optimizer, power=0.9, eta_min=0.0, begin=0, end=iterations + 1, by_epoch=False
    )
    for t in range(iterations):
        expected = 0.5 * (1 - t / iterations) ** 0.9
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected, rel=1e-9)
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("name", PAPERS)
def test_the_last_iteration_learns(name):
    cfg = read(name)
    stated = cfg.get("param_scheduler") or []
    parts = stated.values() if isinstance(stated, dict) else [stated]
    for scheduler in (scheduler for part in parts for scheduler in part):
        if scheduler["type"] == "PolyLR":
            assert scheduler["end"] == cfg.train_cfg.max_iters + 1
        else:
            assert scheduler["end"] == cfg.train_cfg.max_iters


MLMT = [name for name in PAPERS if Path(name).name.startswith(("mlmt", "cnn"))]


@pytest.mark.parametrize("name", MLMT)
def test_mlmt_sees_the_labelled_images_a_hundred_times(name):
    """A last batch that is not full is an iteration, too."""
    cfg = read(name)
    loader = cfg.train_dataloader
    ann_file = loader.dataset.sources.labeled.ann_file
    if ann_file.startswith("split:"):
        images = len(read_ids(split_path(ann_file)))
    else:  # PASCAL-Context, whose lists are made by a tool
        images = {"1_8": 624, "1_4": 1249}[Path(ann_file).stem[:3]]
    ratio = loader.sampler.ratio
    labeled = loader.batch_size * ratio.labeled // sum(ratio.values())
    assert labeled == 16
    iterations = 100 * math.ceil(images / labeled)
    assert cfg.train_cfg.max_iters == iterations
    assert iterations % cfg.train_cfg.val_interval == 0
    assert cfg.default_hooks.checkpoint.interval == cfg.train_cfg.val_interval
    if cfg.model.consistency:
        assert round(cfg.model.consistency.start * iterations) == iterations // 10
        assert round(cfg.model.consistency.ramp * iterations) == iterations // 2
    assert f"_{iterations / 1000:.0f}k_" in name
