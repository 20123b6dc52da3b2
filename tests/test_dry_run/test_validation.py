"""A validation that would fail ends a training before its first step."""

from __future__ import annotations

import pytest
import torch
from mmseg.models import FCNHead
from plain_configs import draw_images, plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.dry_run import train
from mmseg_semisup.dry_run.validation import check_validation
from mmseg_semisup.engine.runner import build_runner


@pytest.fixture
def runner(tmp_path):
    """A mean teacher that would be validated with two images."""
    draw_images(tmp_path / "data")
    cfg = plain_config(tmp_path / "data", iters=2)
    cfg = compose(cfg, "cutmix", str(tmp_path / "data/train/images"))
    cfg.work_dir = str(tmp_path / "out")
    return build_runner(cfg, strict=False)


def test_an_image_that_cannot_be_predicted_is_named(runner, monkeypatch):
    def fail(self, inputs, *args, **kwargs):
        raise AssertionError("the size should be divisible\nby 8")

    monkeypatch.setattr(FCNHead, "predict", fail)
    message = (
        r"a validation would end with an error: .*val/images/val\d\.png \(\d+ x \d+ "
        r"pixels .*AssertionError: the size should be divisible by 8$"
    )
    with pytest.raises(ConfigError, match=message):
        train(runner, "first")
    assert runner.iter == 0


def test_a_prediction_changes_nothing(runner):
    model = runner.model.train()
    modes = [module.training for module in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    drawn = torch.random.get_rng_state()
    check_validation(model, runner.val_loop)
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.random.get_rng_state(), drawn)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
