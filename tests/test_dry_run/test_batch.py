from __future__ import annotations

import copy
import itertools
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from resume_helpers import assert_same
from tiny_training import DATA, MODEL, write_data

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.dry_run import inspect_data
from mmseg_semisup.dry_run.batch import draw_batch
from mmseg_semisup.engine.random_state import random_state


@pytest.fixture
def cfg(tmp_path):
    root = write_data(tmp_path / "data", images=8)
    (root / "val.txt").write_text("6\n7")
    path = tmp_path / "own.py"
    excluded = (
        "unlabeled.update(exclude=['source:labeled', 'val.txt'])\n"
        "val_dataloader['dataset'].update(ann_file='val.txt')\n"
    )
    path.write_text(f"data_root = {str(root)!r}\n{MODEL}{DATA}{excluded}")
    return Config.fromfile(path)


def loader_of(cfg):
    return Runner.build_dataloader(copy.deepcopy(cfg.train_dataloader), seed=0)


@pytest.mark.parametrize("past", [0, 3])
def test_it_is_the_batch_that_the_training_will_draw(cfg, past):
    cfg.train_dataloader.sampler.seed = 5
    drawn = draw_batch(loader_of(cfg), past)
    loaded = next(itertools.islice(loader_of(cfg), past, None))
    assert drawn.seconds > 0
    assert_same(loaded["inputs"], drawn.batch["inputs"])


def test_nothing_notices_it(cfg):
    loader = loader_of(cfg)
    iterator = iter(loader)
    next(iterator)
    sampler = copy.deepcopy(vars(loader.sampler))
    numbers = random_state()
    draw_batch(loader, past=7)
    assert_same(numbers, random_state())
    assert vars(loader.sampler) == sampler


def test_a_plain_data_set_has_batches_too(cfg):
    loader = copy.deepcopy(cfg.val_dataloader)
    loader.update(batch_size=2, collate_fn=dict(type="pseudo_collate"))
    drawn = draw_batch(Runner.build_dataloader(loader, seed=0))
    assert len(drawn.batch["inputs"]) == 2
    assert isinstance(drawn.batch["inputs"][0], torch.Tensor)


def test_data_without_a_model(cfg, tmp_path):
    cfg.pop("model")
    report = inspect_data(cfg, tmp_path / "views.png")
    assert (tmp_path / "views.png").is_file()
    text = report.text()
    assert text.startswith("Data of own")
    assert "3 of 3 seen in" in text
    assert "memory" not in text
    cfg.train_dataloader.pop("sampler")
    assert inspect_data(cfg, tmp_path / "no.png").picture == ""
    assert not (tmp_path / "no.png").exists()
    root = cfg.train_dataloader.dataset.sources.labeled.data_root
    (Path(root) / "val.txt").write_text("1\n6\n7")
    with pytest.raises(ConfigError, match="labeled and validation share 1"):
        inspect_data(cfg, tmp_path / "no.png")
