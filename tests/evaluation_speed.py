"""Processor time of a validation, beside bare passes of the networks over its images.

    python tests/evaluation_speed.py CONFIG [IMAGES]

Student and teacher of a config are evaluated by the training's loop; image by image, as
by MMEngine and MMSegmentation; and bare: the same batches through the networks, resized
to the original size, with the most probable class. In one process, one thread, in turn.
"""

from __future__ import annotations

import copy
import statistics
import sys
import time
from types import SimpleNamespace

import cv2
import torch
import torch.nn.functional as F
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.engine import loops
from mmseg_semisup.engine.console import ConciseRunner, _counted
from mmseg_semisup.engine.equal_sizes import groups, joined, windows

ROUNDS = 5


class Loaded(list):
    """Batches in memory, with their data set."""

    def __init__(self, loader):
        super().__init__(loader)
        self.dataset = loader.dataset


def ours(model, data, evaluator):
    runner = SimpleNamespace(
        model=model,
        visualizer=SimpleNamespace(),
        build_evaluator=lambda cfg: Evaluator(_counted(cfg)),
        call_hook=lambda *_, **__: None,
    )
    return loops.TeacherStudentValLoop(runner, data, copy.deepcopy(evaluator)).run()


@torch.no_grad()
def image_by_image(model, data, evaluator):
    metrics = {}
    for name in model.network_names:
        metric = Evaluator(copy.deepcopy(evaluator))
        metric.dataset_meta = data.dataset.metainfo
        for batch in data:
            prepared = model.data_preprocessor(batch, False)
            samples = copy.deepcopy(prepared["data_samples"])
            found = model.network(name)(prepared["inputs"], samples, mode="predict")
            metric.process(data_samples=found, data_batch=batch)
        values = metric.evaluate(len(data.dataset))
        metrics.update({f"{name}/{key}": value for key, value in values.items()})
    return metrics


@torch.no_grad()
def bare(model, data):
    classes = len(data.dataset.metainfo["classes"])
    for window in windows(data, loops.VALUES, classes):
        for group in groups(window):
            batch = joined([window[i] for i in group])
            prepared = model.data_preprocessor(batch, False)
            size = prepared["data_samples"][0].ori_shape[:2]
            for name in model.network_names:
                logits = model.network(name)(prepared["inputs"], mode="tensor")
                F.interpolate(logits, size, mode="bilinear").max(dim=1)


def main() -> None:
    """Measure, and print a line for each way."""
    MMLogger.get_current_instance().setLevel("ERROR")
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    cfg = load_config(sys.argv[1], None, None, {})
    init_default_scope("mmseg")
    model = MODELS.build(cfg.model).eval()
    loader = cfg.val_dataloader
    loader.update(num_workers=0, persistent_workers=False)
    if len(sys.argv) > 2:
        loader.dataset.indices = int(sys.argv[2])
    data = Loaded(ConciseRunner.build_dataloader(loader))
    evaluator = cfg.val_evaluator
    runs = {
        "bare": lambda: bare(model, data),
        "ours": lambda: ours(model, data, evaluator),
        "image by image": lambda: image_by_image(model, data, evaluator),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.process_time()
            run()
            if turn:
                times[name].append(time.process_time() - start)
    base = statistics.median(times["bare"])
    for name, values in times.items():
        milliseconds = 1e3 * statistics.median(values) / len(data)
        ratio = statistics.median(values) / base
        print(f"{name:16} {milliseconds:8.1f} ms an image, {ratio:.3f} of bare")


if __name__ == "__main__":
    main()
