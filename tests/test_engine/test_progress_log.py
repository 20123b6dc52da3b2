from __future__ import annotations

from types import SimpleNamespace

import pytest
from mmengine.logging import HistoryBuffer
from mmengine.runner import BaseLoop

from mmseg_semisup.engine.progress_log import ProgressLog


class _Loop(BaseLoop):
    def __init__(self) -> None:
        pass

    def run(self) -> None:
        pass


def runner_with(scalars: dict[str, float], **info: object) -> SimpleNamespace:
    buffers = {name: HistoryBuffer([value], [1]) for name, value in scalars.items()}
    hub = SimpleNamespace(
        log_scalars=buffers, runtime_info=info, get_info=info.__getitem__
    )
    return SimpleNamespace(
        message_hub=hub,
        iter=49,
        epoch=2,
        max_iters=2000,
        max_epochs=20,
        _train_loop=_Loop(),
        train_loop=SimpleNamespace(dataloader=[0] * 100),
        val_loop=SimpleNamespace(dataloader=[0] * 30),
    )


TRAINING = {
    "train/base_lr": 0.1,
    "train/segmentor.lr": 0.0002,
    "train/data_time": 0.01,
    "train/time": 0.371,
    "train/loss": 1.23456,
    "train/self_taught.selected": 0.5,
}


def test_a_line_of_a_training():
    runner = runner_with(TRAINING, eta=754.0)
    tag, line = ProgressLog(by_epoch=False).get_log_after_iter(runner, 49, "train")
    assert line == (
        "iter   50/2000, 13 min left, 0.371 s/iter, segmentor lr 2.0e-04 | "
        "loss: 1.2346  self_taught.selected: 0.5000"
    )
    assert tag["iter"] == 50
    assert tag["loss"] == pytest.approx(1.23456)
    assert tag["data_time"] == 0.01


def test_slow_data_is_named():
    runner = runner_with({**TRAINING, "train/data_time": 0.2}, eta=5.0)
    _, line = ProgressLog(by_epoch=False).get_log_after_iter(runner, 49, "train")
    assert "5 s left, 0.371 s/iter, of which 0.2 s wait for data, " in line


def test_epochs():
    runner = runner_with(TRAINING, eta=8000.0)
    _, line = ProgressLog(by_epoch=True).get_log_after_iter(runner, 49, "train")
    assert line.startswith("epoch 3/20, iter  50/100, 2 h 13 min left")


def test_the_line_of_a_validation_leaves_classes_to_their_table():
    scores = {"val/aAcc": 80.0, "val/teacher/mIoU": 43.211, "val/time": 0.1}
    scores["val/teacher/IoU/cat"] = 12.0
    runner = runner_with(scores)
    tag, line = ProgressLog(by_epoch=False).get_log_after_epoch(runner, 30, "val")
    assert line == "validation after iteration 49 | teacher/mIoU: 43.21  aAcc: 80.00"
    assert tag["teacher/IoU/cat"] == 12.0
    _, line = ProgressLog(by_epoch=False).get_log_after_iter(runner, 9, "val")
    assert line.startswith("validation 10/30")
