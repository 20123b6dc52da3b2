"""Validation and test in batches of equal size, and of all networks in one pass."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from mmengine.evaluator import Evaluator
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner, TestLoop, ValLoop, autocast
from mmengine.runner.loops import _parse_losses, _update_losses
from mmseg.registry import LOOPS
from torch.utils.data import DataLoader

from mmseg_semisup.core.cpu import release_freed_memory
from mmseg_semisup.datasets.collate import shallow

from .algorithm_search import AlgorithmSearch
from .equal_sizes import groups, joined, timed, windows

VALUES = 2**25
"""Predicted values that a loop keeps at once, 128 MB as float32."""
CLASSES = 150
"""Number of classes where the data do not tell."""


class Window(NamedTuple):
    """Batches that are predicted before any of them is used.

    Attributes:
        first: Number of the first one.
        size: How many there are.
        waited: How long the loop has waited for their data, in seconds.
    """

    first: int
    size: int
    waited: float


class EqualSizes(BaseLoop):
    """Predicts images of equal size together; a base of loops that predict.

    Where the data loader gives single images, as MMSegmentation's configs do, those
    that have equal sizes before and after the pipeline are one batch for the network;
    nothing is padded. Metrics and hooks get each image by itself and in order, as
    without this. What is predicted at once is bounded by :data:`VALUES`.

    Attributes:
        stage: 'val' or 'test', which is a part of the names of hooks and methods.
        losses: What the network returned beside its predictions.
        window: What is predicted at the moment.
    """

    stage: ClassVar[str]
    losses: dict[str, Any]
    evaluator: Evaluator
    fp16: bool
    window: Window
    _search: AlgorithmSearch

    def run(self) -> dict[str, float]:
        """Predict all images, and return the metrics."""
        self.runner.call_hook(f"before_{self.stage}")
        self.runner.call_hook(f"before_{self.stage}_epoch")
        self.runner.model.eval()
        self.losses = {}
        classes = (self.evaluator.dataset_meta or {}).get("classes") or ()
        first = 0
        # Images have other sizes than crops: together, both would need the sum of both.
        release_freed_memory()
        self._search = AlgorithmSearch()
        several = windows(self.dataloader, VALUES, len(classes) or CLASSES)
        for waited, window in timed(several):
            self.window = Window(first, len(window), waited)
            self.run_window(first, window)
            first += len(window)
        release_freed_memory()
        metrics = self.evaluate(len(self.dataloader.dataset))
        self.runner.call_hook(f"after_{self.stage}_epoch", metrics=metrics)
        self.runner.call_hook(f"after_{self.stage}")
        return metrics

    def evaluate(self, size: int) -> dict[str, float]:
        """The metrics of all predictions.

        Args:
            size: Number of images.
        """
        metrics: dict[str, float] = self.evaluator.evaluate(size)
        if self.losses:
            metrics.update(_parse_losses(self.losses, self.stage))
        return metrics

    @torch.no_grad()
    def run_window(self, first: int, window: Sequence[Any]) -> None:
        """Predict several batches of the loader, and hand them on in order.

        Args:
            first: Number of the first one.
            window: The batches.
        """
        for idx, batch in enumerate(window, first):
            self.runner.call_hook(
                f"before_{self.stage}_iter", batch_idx=idx, data_batch=batch
            )
        outputs: dict[int, Any] = {}
        for group in groups(window):
            batch = joined([window[i] for i in group])
            with self._search.limited(batch):
                found = self.predict(batch)
            share = len(found) // len(group)
            for place, i in enumerate(group):
                outputs[i] = found[place * share : (place + 1) * share]
        for i, batch in enumerate(window):
            found = self.process(outputs.pop(i), batch)
            self.runner.call_hook(
                f"after_{self.stage}_iter",
                batch_idx=first + i,
                data_batch=batch,
                outputs=found,
            )

    def predict(self, batch: Any) -> Sequence[Any]:
        """Predict one batch.

        Args:
            batch: As a loader gives it.

        Returns:
            A prediction of each image.
        """
        with autocast(enabled=self.fp16):
            outputs = getattr(self.runner.model, f"{self.stage}_step")(batch)
        outputs, self.losses = _update_losses(outputs, self.losses)
        return outputs

    def process(self, outputs: Sequence[Any], batch: Any) -> Sequence[Any]:
        """Hand the predictions of one batch of the loader to the metrics.

        Args:
            outputs: A part of what :meth:`predict` returned.
            batch: The batch.

        Returns:
            The predictions that hooks get.
        """
        self.evaluator.process(data_samples=outputs, data_batch=batch)
        return outputs


@LOOPS.register_module()
class EqualSizeValLoop(EqualSizes, ValLoop):
    """MMEngine's validation, which predicts images of equal size together.

    See :class:`EqualSizes`. The arguments are those of ``ValLoop``.
    """

    stage = "val"


@LOOPS.register_module()
class EqualSizeTestLoop(EqualSizes, TestLoop):
    """MMEngine's test, which predicts images of equal size together.

    See :class:`EqualSizes`. The arguments are those of ``TestLoop``. Test-time
    augmentation predicts each image by itself.
    """

    stage = "test"


@LOOPS.register_module()
class TeacherStudentValLoop(EqualSizeValLoop):
    """Evaluates every network; metrics are ``student/mIoU``, ``teacher/mIoU``, ...

    The networks are the student, the teacher and those of ``model.networks`` that are
    no snapshots of the student, unless one predicts. Each
    image is read, and sent to the device, once. Afterwards the model predicts with the
    same network as before.

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
        student, *others = validated_networks(self._model)
        self.evaluators = {student: self.evaluator}
        for name in others:
            self.evaluators[name] = runner.build_evaluator(evaluator)
            self.evaluators[name].dataset_meta = self.evaluator.dataset_meta

    @property
    def _model(self) -> Any:
        model = self.runner.model
        return model.module if is_model_wrapper(model) else model

    def evaluate(self, size: int) -> dict[str, float]:
        """The metrics of all networks."""
        return {
            f"{name}/{key}": value
            for name, evaluator in self.evaluators.items()
            for key, value in evaluator.evaluate(size).items()
        }

    def predict(self, batch: Any) -> Sequence[dict[str, Any]]:
        """Predict one batch with each network.

        Returns:
            For each image, the name of each network to its prediction.
        """
        model = self._model
        chosen, maps = model.predict_with, model.signal_maps
        prepared = model.data_preprocessor(batch, False)
        results = {}
        try:
            for name in self.evaluators:
                model.configure_test(name, maps)
                # A network writes its prediction into the samples.
                samples = [shallow(sample) for sample in prepared["data_samples"]]
                with autocast(enabled=self.fp16):
                    results[name] = model.predict(prepared["inputs"], samples)
        finally:
            model.configure_test(chosen, maps)
        return [
            dict(zip(results, of_image, strict=True))
            for of_image in zip(*results.values(), strict=True)
        ]

    def process(self, outputs: Sequence[dict[str, Any]], batch: Any) -> Sequence[Any]:
        """Hand the predictions of each network to its metrics."""
        for name, evaluator in self.evaluators.items():
            of_network = [output[name] for output in outputs]
            evaluator.process(data_samples=of_network, data_batch=batch)
        return [output[self._model.predict_with] for output in outputs]


def validated_networks(model: Any) -> list[str]:
    """Names of the networks that are validated, the student first.

    Args:
        model: A model, not wrapped.
    """
    parts = dict(getattr(model, "networks", None) or {})
    left_out = {name for name, part in parts.items() if not part.validated}
    names = [n for n in model.network_names if n not in left_out - {model.predict_with}]
    # The mean of several networks has no name among them.
    return list(dict.fromkeys([*names, model.predict_with]))
