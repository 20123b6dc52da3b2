"""Lines of progress: position, time left, learning rate, losses and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.runner import BaseLoop, LogProcessor, Runner
from mmseg.registry import LOG_PROCESSORS

from mmseg_semisup.core.text import duration

CLASS_SCORES = ("IoU", "Dice", "Fscore", "precision")
"""Scores of single classes, ``IoU/cat`` or ``teacher/IoU/cat`` in the log."""

MAIN_SCORE = "mIoU"
TIMES = ("time", "data_time")
OTHER = ("iter", "epoch", "memory")
PHASES = {"val": "validation", "test": "test"}


@LOG_PROCESSORS.register_module()
class ProgressLog(LogProcessor):
    """MMEngine's log processor with lines for people.

    A line of a training: ``iter 50/2000, 12 min left, 0.37 s/iter, lr 2.0e-04 | loss:
    1.2345  ...``. What files, TensorBoard and other backends get is MMEngine's.
    """

    def get_log_after_iter(
        self, runner: Runner, batch_idx: int, mode: str
    ) -> tuple[dict[str, Any], str]:
        """Figures for the backends, and a line for the log.

        Args:
            runner: The runner.
            batch_idx: Number of the batch in its loop, from 0.
            mode: 'train', 'val' or 'test'.
        """
        tag, _ = super().get_log_after_iter(runner, batch_idx, mode)
        figures = {key.removeprefix(f"{mode}/"): tag[key] for key in tag}
        parts = [self._position(runner, batch_idx, mode)]
        eta = runner.message_hub.runtime_info.get("eta")
        if eta is not None:
            parts.append(f"{duration(eta)} left")
        if "time" in figures:
            parts.append(f"{figures['time']:.3g} s/iter")
        waiting = figures.get("data_time", 0.0)
        if waiting > 0.1 * figures.get("time", float("inf")):
            parts.append(f"of which {waiting:.2g} s wait for data")
        if "memory" in figures:
            parts.append(f"{figures['memory'] / 1024:.1f} GB")
        if mode != "train":
            return tag, ", ".join(parts)
        rates = {k: v for k, v in figures.items() if k.partition("/")[0].endswith("lr")}
        parts += _rates({k: v for k, v in rates.items() if not k.endswith("base_lr")})
        losses = [
            f"{key}: {value:.4f}" if isinstance(value, float) else f"{key}: {value}"
            for key, value in figures.items()
            if key not in (*TIMES, *OTHER, *rates)
        ]
        return tag, f"{', '.join(parts)} | {'  '.join(losses)}"

    def get_log_after_epoch(
        self, runner: Runner, batch_idx: int, mode: str, with_non_scalar: bool = False
    ) -> tuple[dict[str, Any], str]:
        """Scores for the backends, and a line for the log without those of classes.

        Args:
            runner: The runner.
            batch_idx: Number of the last batch.
            mode: 'val' or 'test'.
            with_non_scalar: Whether the result holds values that are no numbers, too.
        """
        tag, _ = super().get_log_after_epoch(runner, batch_idx, mode, with_non_scalar)
        where = ""
        if mode == "val" and isinstance(runner._train_loop, BaseLoop):
            done = runner.epoch if self.by_epoch else runner.iter
            where = f" after {'epoch' if self.by_epoch else 'iteration'} {done}"
        shown = [
            key
            for key in tag
            if key.removeprefix(f"{mode}/") not in (*TIMES, *OTHER)
            and not is_class_score(key)
        ]
        # The score by which trainings are compared comes first.
        shown.sort(key=lambda key: not key.endswith(MAIN_SCORE))
        scores = [f"{key}: {_number(tag[key])}" for key in shown]
        return tag, f"{PHASES[mode]}{where} | {'  '.join(scores)}"

    def _position(self, runner: Runner, batch_idx: int, mode: str) -> str:
        if mode != "train":
            size = self._get_dataloader_size(runner, mode)
            return f"{PHASES[mode]} {batch_idx + 1}/{size}"
        if not self.by_epoch:
            total = runner.max_iters
            return f"iter {runner.iter + 1:>{len(str(total))}}/{total}"
        size = self._get_dataloader_size(runner, mode)
        now = self._get_iter(runner, batch_idx)
        return (
            f"epoch {self._get_epoch(runner, mode)}/{runner.max_epochs}, "
            f"iter {now:>{len(str(size))}}/{size}"
        )


def _rates(figures: Mapping[str, float]) -> list[str]:
    """A text for each optimizer, from the learning rates of its groups.

    >>> _rates({"lr": 2e-4})
    ['lr 2.0e-04']
    >>> _rates({"net.lr": 2e-4, "net.lr/backbone": 2e-4, "net.lr/neck": 2e-3})
    ['net lr 2.0e-04 to 2.0e-03']
    """
    found: dict[str, set[float]] = {}
    for key, value in figures.items():
        found.setdefault(key.partition("/")[0], set()).add(value)
    ends = {name: sorted({min(rates), max(rates)}) for name, rates in found.items()}
    return [
        f"{name.replace('.', ' ')} {' to '.join(f'{rate:.1e}' for rate in rates)}"
        for name, rates in ends.items()
    ]


def _number(value: Any) -> str:
    try:
        return f"{float(value):.2f}"
    except (TypeError, ValueError):
        return str(value)


def is_class_score(key: str) -> bool:
    """Whether a key of the log is the score of a single class.

    >>> is_class_score("teacher/IoU/cat"), is_class_score("teacher/mIoU")
    (True, False)
    """
    return any(part in CLASS_SCORES for part in key.split("/")[:-1])
