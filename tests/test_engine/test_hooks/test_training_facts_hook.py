import copy

import pytest
from mmengine.runner import Runner
from plain_configs import draw_images, plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.engine.runner import build_runner
from mmseg_semisup.models.training_facts import images_of, labeled_images

EPOCHS = dict(
    train_cfg=dict(_delete_=True, type="EpochBasedTrainLoop", max_epochs=2),
    param_scheduler=[dict(type="PolyLR", begin=0, end=2)],
    default_hooks=dict(
        checkpoint=dict(by_epoch=True, interval=1),
        logger=dict(log_metric_by_epoch=True),
    ),
    log_processor=dict(by_epoch=True),
    test_dataloader=None,
    test_cfg=None,
    test_evaluator=None,
)


def runner_of(tmp_path, **changes) -> Runner:
    draw_images(tmp_path / "data")
    cfg = plain_config(tmp_path / "data", **copy.deepcopy(EPOCHS))
    cfg = compose(cfg, "cutmix", str(tmp_path / "data/train/images"))
    cfg.merge_from_dict(changes)
    cfg.work_dir = str(tmp_path / "out")
    return build_runner(cfg, strict=False)


def test_epochs_of_labelled_images_end(tmp_path):
    runner = runner_of(tmp_path)
    runner.train()
    # 3 labelled images, 2 a step: 2 iterations an epoch.
    assert runner.iter == 4
    assert (tmp_path / "out" / "epoch_2.pth").is_file()
    assert labeled_images() == 3
    images = len(runner.train_loop.dataloader.dataset.sources["unlabeled"])
    assert images_of("unlabeled_strong") == images > 0


def test_a_stream_without_epochs_is_refused_by_a_loop_of_epochs(tmp_path):
    runner = runner_of(tmp_path, train_dataloader=dict(sampler=dict(epoch=None)))
    with pytest.raises(ConfigError, match="sampler never ends; set sampler.epoch"):
        runner.train()


def test_an_epoch_is_refused_by_a_loop_of_iterations(tmp_path):
    loop = dict(_delete_=True, type="IterBasedTrainLoop", max_iters=2)
    runner = runner_of(tmp_path, train_cfg=loop)
    with pytest.raises(ConfigError, match="epoch='labeled', but train_cfg counts"):
        runner.train()
