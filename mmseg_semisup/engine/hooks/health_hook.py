"""Warns of trainings that learn nothing from unlabelled images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.hooks import Hook, LoggerHook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_semisup.core.config_types import resolve
from mmseg_semisup.core.errors import check_range

TOP_CLASS = "top_class"


@HOOKS.register_module()
class HealthHook(Hook):
    """Checks each line of the log for three silent failures.

    - A discriminator has won: its mean scores of ground truth and of predictions differ
      by more than ``won_gap``. If there is a ``ScoreCurveHook``, that hook warns
      instead.
    - Predictions on unlabelled images have collapsed: more than ``collapsed_above`` of
      all pixels are of one class.
    - A selection of pixels is empty: its share is below ``empty_below``.

    Each must last for a number of iterations. The warning is logged once, and again if
    the failure returns. Nothing is read from the device; the share of the most frequent
    class is computed only in the steps that are logged.

    Args:
        won_gap: Difference of mean scores, in 0..1.
        won_for: Number of iterations.
        collapsed_above: Share of pixels, in 0..1, in every line of the log.
        collapsed_for: Number of iterations.
        empty_below: Mean share of selected pixels, in 0..1.
        empty_for: Number of iterations.
        selections: Endings of the names of such shares in the log.

    Raises:
        ValueError: If an argument is out of its range.
    """

    priority = "LOW"

    def __init__(
        self,
        won_gap: float = 0.98,
        won_for: int = 500,
        collapsed_above: float = 0.99,
        collapsed_for: int = 1000,
        empty_below: float = 0.001,
        empty_for: int = 1000,
        selections: Sequence[str] = ("selected", "pulled"),
    ) -> None:
        shares = {
            "won_gap": won_gap,
            "collapsed_above": collapsed_above,
            "empty_below": empty_below,
        }
        check_range("HealthHook", 0, 1, **shares)
        spans = {
            "won_for": won_for,
            "collapsed_for": collapsed_for,
            "empty_for": empty_for,
        }
        check_range("HealthHook", 1, **spans)
        self.won_gap = won_gap
        self.won_for = won_for
        self.collapsed_above = collapsed_above
        self.collapsed_for = collapsed_for
        self.empty_below = empty_below
        self.empty_for = empty_for
        self.selections = tuple(selections)
        self.history_length = max(won_for, collapsed_for, empty_for)
        self._interval = 1
        self._watches_scores = True
        self._warned: set[str] = set()

    def before_train(self, runner: Runner) -> None:
        """Follow the interval of the logger."""
        loggers = [hook for hook in runner.hooks if isinstance(hook, LoggerHook)]
        self._interval = loggers[0].interval if loggers else 1
        other = resolve("ScoreCurveHook", HOOKS)
        self._watches_scores = not (
            other and any(isinstance(hook, other) for hook in runner.hooks)
        )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None
    ) -> None:
        """Request the share of the most frequent class, if a line of the log is due."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        if hasattr(model, "report_top_class"):
            model.report_top_class = self.every_n_inner_iters(batch_idx, self._interval)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Check the log, if a line is due."""
        if not self.every_n_inner_iters(batch_idx, self._interval):
            return
        found = self.problems(runner)
        for key in sorted(found.keys() - self._warned):
            runner.logger.warning(found[key])
        self._warned = set(found)

    def problems(self, runner: Runner) -> dict[str, str]:
        """The failures at present.

        Args:
            runner: The runner, whose message hub holds the log.

        Returns:
            Name of the figure to the warning.
        """
        found = {}
        for key, buffer in runner.message_hub.log_scalars.items():
            name = key.removeprefix("train/")
            if name == key:
                continue
            values = np.asarray(buffer.data[0], dtype=np.float64)
            last = name.rpartition(".")[2]
            if last.startswith("fake") and self._watches_scores:
                other = f"train/{name[: -len(last)]}real{last.removeprefix('fake')}"
                real = runner.message_hub.log_scalars.get(other)
                text = "" if real is None else self._won(name, values, real.data[0])
            elif last == TOP_CLASS:
                text = self._collapsed(name, values)
            elif last in self.selections:
                text = self._empty(name, values)
            else:
                continue
            if text:
                found[name] = text
        return found

    def _won(self, name: str, fake: np.ndarray, real: np.ndarray) -> str:
        if min(len(fake), len(real)) < self.won_for:
            return ""
        scores = [float(np.mean(v[-self.won_for :])) for v in (fake, real)]
        if scores[1] - scores[0] <= self.won_gap:
            return ""
        return (
            f"The discriminator has won ({name}): over {self.won_for} iterations its "
            f"mean score of predictions was {scores[0]:.3f}, of ground truth "
            f"{scores[1]:.3f}, so it teaches the segmentor nothing. Lower its learning "
            "rate (optim_wrapper.discriminator.optimizer.lr), or the weight of its own "
            "loss."
        )

    def _collapsed(self, name: str, shares: np.ndarray) -> str:
        number = max(1, self.collapsed_for // self._interval)
        if len(shares) < number or not (shares[-number:] > self.collapsed_above).all():
            return ""
        return (
            f"Predictions have collapsed ({name}): for {self.collapsed_for} iterations "
            f"more than {self.collapsed_above:.1%} of the unlabelled pixels were of "
            "one class. Let the unlabelled loss start later or weigh less, lower the "
            "learning rate, and see whether labelled images show the other classes "
            "(tools/check_data.py CONFIG --full)."
        )

    def _empty(self, name: str, shares: np.ndarray) -> str:
        if len(shares) < self.empty_for:
            return ""
        mean = float(shares[-self.empty_for :].mean())
        if mean >= self.empty_below:
            return ""
        return (
            f"Almost nothing is selected ({name}): over {self.empty_for} iterations "
            f"{mean:.3%} of the pixels, so unlabelled images teach next to nothing. "
            "Lower the threshold of the objective, or let it start later."
        )
