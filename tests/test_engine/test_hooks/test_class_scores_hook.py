from __future__ import annotations

import json
import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import LogProcessor
from mmseg.evaluation import IoUMetric
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_training import write_adversarial

from mmseg_semisup.engine.hooks import ClassScoresHook
from mmseg_semisup.engine.hooks.class_scores_hook import extend_metrics
from mmseg_semisup.engine.runner import build_runner

NETWORKS = ("student", "teacher")
CLASSES = ("ground", "cat", "dog")


def evaluated(*measures: str) -> dict[str, float]:
    """The scores of four pixels: ground right, cat half right, dog absent."""
    metric = IoUMetric(iou_metrics=list(measures))
    metric.dataset_meta = {"classes": CLASSES}
    loop = SimpleNamespace(evaluator=SimpleNamespace(metrics=[metric]))
    for _ in range(2):
        # The second time nothing is left to do.
        extend_metrics(loop)
    predicted, truth = torch.tensor([[0, 0, 1, 1]]), torch.tensor([[0, 0, 1, 0]])
    sample = {"pred_sem_seg": {"data": predicted}, "gt_sem_seg": {"data": truth}}
    metric.process({}, [sample])
    return metric.evaluate(1)


def test_the_scores_of_classes_stand_beside_their_means():
    found = evaluated("mIoU")
    assert next(iter(found)) == "aAcc"
    assert found["IoU/ground"] == pytest.approx(66.67)
    assert found["IoU/cat"] == 50
    assert math.isnan(found["IoU/dog"])
    assert found["mIoU"] == pytest.approx(58.33, abs=0.01)
    assert {k for k in evaluated("mDice") if "/" in k} == {f"Dice/{c}" for c in CLASSES}


def test_scores_are_not_averaged_because_of_the_name_of_a_class():
    runner = SimpleNamespace(log_processor=LogProcessor())
    ClassScoresHook().before_run(runner)
    pattern = runner.log_processor.mean_pattern
    assert pattern.search("decode.loss_ce")
    assert pattern.search("data_time")
    assert not pattern.search("IoU/maritime loss")
    assert not pattern.search("teacher/IoU/maritime loss")
    assert not pattern.search("mIoU")


def test_every_network_reports_to_all_backends(tmp_path, capsys):
    cfg = Config.fromfile(write_adversarial(tmp_path))
    cfg.work_dir = str(tmp_path / "work")
    cfg.val_cfg = dict(type="TeacherStudentValLoop")
    cfg.train_cfg.val_interval = 2
    cfg.default_hooks.logger.log_metric_by_epoch = False
    cfg.visualizer.vis_backends.append(dict(type="TensorboardVisBackend"))
    runner = build_runner(cfg, strict=False)
    runner.train()
    expected = {f"{n}/IoU/{c}" for n in NETWORKS for c in CLASSES}
    (file,) = tmp_path.glob("work/*/vis_data/scalars.json")
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    scores = [entry for entry in entries if "student/mIoU" in entry]
    assert [entry["step"] for entry in scores] == [2, 4]
    for entry in scores:
        assert {key for key in entry if "/IoU/" in key} == expected
        for network in NETWORKS:
            values = [entry[f"{network}/IoU/{name}"] for name in CLASSES]
            mean = sum(values) / len(values)
            assert entry[f"{network}/mIoU"] == pytest.approx(mean, abs=0.011)
    said = capsys.readouterr().out
    assert said.count("student IoU  teacher IoU") == 2
    assert "per class results" not in said
    assert "+---" not in said
    (events,) = tmp_path.glob("work/*/vis_data/events.out*")
    board = EventAccumulator(str(events.parent)).Reload()
    assert expected <= set(board.Tags()["scalars"])
    assert [event.step for event in board.Scalars("teacher/IoU/cat")] == [2, 4]
