"""Validation of all networks of a model in one pass over the data."""

from __future__ import annotations

import copy
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner, ValLoop, autocast
from mmseg.registry import LOOPS
from torch.utils.data import DataLoader


@LOOPS.register_module()
class TeacherStudentValLoop(ValLoop):
    """Evaluates every network; metrics are ``student/mIoU``, ``teacher/mIoU``, ...

    The networks are the student, the teacher and those of ``model.networks``. Each
    image is read once. Afterwards the model predicts with the same network as before.

    Args:
        runner: The runner.
        dataloader: Validation data, or its config.
        evaluator: Config of the metrics; each network gets its own.
        fp16: As in mmengine's ``ValLoop``.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader[Any] | dict[str, Any],
        evaluator: dict[str, Any] | list[Any],
        fp16: bool = False,
    ) -> None:
        if isinstance(evaluator, Evaluator):
            raise ValueError("TeacherStudentValLoop: give the evaluator as a config")
        super().__init__(runner, dataloader, copy.deepcopy(evaluator), fp16)
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        student, *others = model.network_names
        self.evaluators = {student: self.evaluator}
        for name in others:
            self.evaluators[name] = runner.build_evaluator(evaluator)
            self.evaluators[name].dataset_meta = self.evaluator.dataset_meta

    def run(self) -> dict[str, float]:
        """Validate all networks, and return their metrics."""
        self.runner.call_hook("before_val")
        self.runner.call_hook("before_val_epoch")
        self.runner.model.eval()
        for idx, batch in enumerate(self.dataloader):
            self.run_iter(idx, batch)
        metrics = {
            f"{name}/{key}": value
            for name, evaluator in self.evaluators.items()
            for key, value in evaluator.evaluate(len(self.dataloader.dataset)).items()
        }
        self.runner.call_hook("after_val_epoch", metrics=metrics)
        self.runner.call_hook("after_val")
        return metrics

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict[str, Any]) -> None:
        """Predict one batch with each network."""
        self.runner.call_hook("before_val_iter", batch_idx=idx, data_batch=data_batch)
        model = self.runner.model
        model = model.module if is_model_wrapper(model) else model
        chosen, maps = model.predict_with, model.signal_maps
        batch = model.data_preprocessor(data_batch, False)
        results = {}
        try:
            for name, evaluator in self.evaluators.items():
                model.configure_test(name, maps)
                samples = copy.deepcopy(batch["data_samples"])
                with autocast(enabled=self.fp16):
                    results[name] = model.predict(batch["inputs"], samples)
                evaluator.process(data_samples=results[name], data_batch=data_batch)
        finally:
            model.configure_test(chosen, maps)
        self.runner.call_hook(
            "after_val_iter",
            batch_idx=idx,
            data_batch=data_batch,
            outputs=results[chosen],
        )
