"""A test that reports the contribution of segmentor and classifier (Table 5)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.dist import get_rank, get_world_size
from mmengine.evaluator import Evaluator
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner, TestLoop, autocast
from mmseg.registry import LOOPS, MODELS
from prettytable import PrettyTable
from torch import Tensor
from torch.utils.data import DataLoader

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.sources import leaves
from mmseg_semisup.models.fused_segmentor import FusedSegmentor

from .fusion import PIXEL_GRID, RuleCounts, basic_rules, best_pixels, mean_iou


@LOOPS.register_module()
class FusionTestLoop(TestLoop):
    """Tests a ``FusedSegmentor``, its bare segmentor, and other ways to switch.

    The config's metrics are those of the fused predictions. The rows of Mittal et al.'s
    Table 5 are logged and are further metrics: the segmentor alone, with the best
    number of pixels for all classes and for each, and with the classifier; and, if
    their checkpoints are given, the supervised segmentor alone and with the classifier,
    and the segmentor with the supervised classifier. There are two passes over the
    images: the best numbers of pixels are known after the first one.

    Args:
        runner: The runner.
        dataloader: Test data, or its config.
        evaluator: The metrics, or their config.
        fp16: As in mmengine's ``TestLoop``.
        baseline_checkpoint: Checkpoint of the supervised segmentor, or None.
        cnn_checkpoint: Checkpoint of the supervised classifier, or None.
        name: Name of the segmentor in the table.
        pixel_grid: Numbers of pixels to choose from.

    Raises:
        ConfigError: If the model or its classes do not fit.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader[Any] | dict[str, Any],
        evaluator: Evaluator | dict[str, Any] | list[Any],
        fp16: bool = False,
        baseline_checkpoint: str | None = None,
        cnn_checkpoint: str | None = None,
        name: str = "s4GAN",
        pixel_grid: Sequence[int] = PIXEL_GRID,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)
        model = runner.model
        self.model = model.module if is_model_wrapper(model) else model
        if not isinstance(self.model, FusedSegmentor):
            raise ConfigError(
                f"FusionTestLoop tests a FusedSegmentor, no {type(self.model).__name__}"
            )
        if self.model.switch != "classifier":
            raise ConfigError(
                f"FusionTestLoop: model.switch={self.model.switch!r}; it must be "
                "'classifier', and the loop tries the others"
            )
        tested = leaves(self.dataloader.dataset)[0]
        self.ignore_index = getattr(tested, "ignore_index", 255)
        classes = tuple(self.dataloader.dataset.metainfo["classes"])
        if classes != self.model.classes:
            raise ConfigError(
                f"the data has the classes {list(classes)}, the model "
                f"{list(self.model.classes)}"
            )
        self.name = name
        self.pixel_grid = tuple(pixel_grid)
        cfg = runner.cfg.model
        self.baseline = self.cnn = None
        if baseline_checkpoint:
            self.baseline = _other(
                cfg,
                segmentor_checkpoint=baseline_checkpoint,
                segmentor_network="student",
            )
        if cnn_checkpoint:
            self.cnn = _other(
                cfg, classifier_checkpoint=cnn_checkpoint, classifier_network="student"
            )

    def run(self) -> dict[str, float]:
        """Test, and return the metrics and the rows."""
        self.runner.call_hook("before_test")
        self.runner.call_hook("before_test_epoch")
        self.runner.model.eval()
        rules = basic_rules(self.model.tau, self.pixel_grid)
        self._counts = RuleCounts(rules, self.model.background, self.ignore_index)
        self._own = self._own_images()
        for idx, batch in enumerate(self.dataloader):
            self.run_iter(idx, batch)
        metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        found = self._total(self._counts)
        number, numbers = best_pixels(found, self.pixel_grid)
        more = self._second_pass(numbers)
        rows = {k: mean_iou(v) for k, v in self._rows(found, number, more).items()}
        table = PrettyTable(["method", "mIoU"])
        table.add_rows([[name, f"{value:.2f}"] for name, value in rows.items()])
        self.runner.logger.info(
            f"what each part contributes (threshold: {number} pixels):\n{table}"
        )
        metrics = {**metrics, **rows}
        self.runner.call_hook("after_test_epoch", metrics=metrics)
        self.runner.call_hook("after_test")
        return metrics

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict[str, Any]) -> None:
        """Predict a batch, and count for all rules that need no other network."""
        self.runner.call_hook("before_test_iter", batch_idx=idx, data_batch=data_batch)
        with autocast(enabled=self.fp16):
            outputs = self.runner.model.test_step(data_batch)
        for sample in outputs[: max(self._own, 0)]:
            scores, label = sample.pred_image_scores, sample.gt_sem_seg.data[0]
            self._counts.add(sample.segmentor_logits.data, scores, label)
        self._own -= len(outputs)
        self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        self.runner.call_hook(
            "after_test_iter", batch_idx=idx, data_batch=data_batch, outputs=outputs
        )

    def _own_images(self) -> int:
        """Number of images of this process, without those that pad its share."""
        total = len(self.dataloader.dataset)
        return len(range(get_rank(), total, get_world_size()))

    def _rows(
        self, found: dict[str, Tensor], number: int, more: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Name and confusion, (C, C), of each row."""
        rows = {
            "supervised": more.get("baseline"),
            f"{self.name} only": found["only"],
            "MLMT only": more.get("baseline classifier"),
            f"{self.name} + threshold": found[f"pixels {number}"],
            f"{self.name} + class-wise threshold": more["classwise"],
            f"{self.name} + CNN": more.get("cnn"),
            f"{self.name} + MLMT": found["classifier"],
        }
        return {name: value for name, value in rows.items() if value is not None}

    @torch.no_grad()
    def _second_pass(self, numbers: Tensor) -> dict[str, Tensor]:
        """Count with a number of pixels for each class, and with the other networks."""
        model = self.model
        rules = basic_rules(model.tau, ())
        common = (model.background, self.ignore_index)
        classwise = RuleCounts(
            {"classwise": lambda pixels, scores: pixels >= numbers}, *common
        )
        cnn = RuleCounts({"cnn": rules["classifier"]}, *common)
        baseline = RuleCounts(
            {"baseline": rules["only"], "baseline classifier": rules["classifier"]},
            *common,
        )
        for other in (self.baseline, self.cnn):
            if other is not None:
                other.to(numbers.device).eval()
        own = self._own_images()
        for batch in self.dataloader:
            data = model.data_preprocessor(batch, False)
            inputs, samples = data["inputs"], data["data_samples"]
            with autocast(enabled=self.fp16):
                plain = copy.deepcopy(samples)
                samples = model.predict(inputs, samples)
                if self.baseline:
                    plain = self.baseline.segmentor(inputs, plain, mode="predict")
                if self.cnn:
                    cnn_scores = self.cnn.scores(inputs, samples)
            for i, sample in enumerate(samples[: max(own, 0)]):
                logits, label = sample.segmentor_logits.data, sample.gt_sem_seg.data[0]
                scores = sample.pred_image_scores
                classwise.add(logits, scores, label)
                if self.cnn:
                    cnn.add(logits, cnn_scores[i], label)
                if self.baseline:
                    baseline.add(plain[i].seg_logits.data, scores, label)
            own -= len(samples)
        rows = self._total(classwise)
        rows.update(self._total(cnn) if self.cnn else {})
        rows.update(self._total(baseline) if self.baseline else {})
        return rows

    def _total(self, counts: RuleCounts) -> dict[str, Tensor]:
        return counts.total(len(self.model.classes), self.model.columns.device)


def _other(cfg: ConfigDict, **checkpoint: str) -> FusedSegmentor:
    """Rebuild the model with the checkpoint of one part, the other part untrained."""
    cfg = copy.deepcopy(cfg)
    cfg.update(segmentor_checkpoint=None, classifier_checkpoint=None)
    cfg.update(checkpoint)
    try:
        return MODELS.build(cfg)
    except ValueError as error:
        raise ConfigError(f"test_cfg: {error}") from error
