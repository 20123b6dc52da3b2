"""Images of the validation set."""

from __future__ import annotations

import pytest
from mmengine.config import Config
from tiny_training import write_adversarial

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.export.validation_images import validation_images


def test_they_are_spread_over_the_list(tmp_path):
    cfg = Config.fromfile(write_adversarial(tmp_path))
    every = validation_images(cfg, 100)
    assert len(every) > 1
    assert all(path.is_file() for path in every)
    assert validation_images(cfg, 2) == [every[0], every[-1]]
    cfg.pop("val_dataloader")
    assert validation_images(cfg, 100) == every


def test_without_such_data_images_have_to_be_named(tmp_path):
    with pytest.raises(ConfigError, match="names no validation images; .*--images"):
        validation_images(Config(), 4)
    cfg = Config.fromfile(write_adversarial(tmp_path))
    for name in ("val_dataloader", "test_dataloader"):
        cfg[name].dataset.ann_file = "missing.txt"
    with pytest.raises(ConfigError, match="missing.txt.*--images"):
        validation_images(cfg, 4)
