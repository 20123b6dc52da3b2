"""Draws a discriminator's scores during training, and warns when it has won."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from mmseg_semisup.core.figures import draw_figure

FIGURES = ("fake", "real", "accuracy")
KEY = "score_curve"


@HOOKS.register_module()
class ScoreCurveHook(Hook):
    """Draws the scores of predictions and of ground truth (Figure 11 of Mittal et al.).

    Each point is the mean over ``interval`` iterations. When the discriminator was
    right on more than ``won_above`` of its inputs in each interval of the last
    ``won_for`` iterations, it has won: its loss no longer teaches the segmentor. The
    log says so once, and again if it wins a second time.

    The figures stay on the device until an interval is over. Points and the sums of an
    unfinished interval are in the checkpoint.

    Args:
        interval: Number of iterations that a point averages.
        won_above: Accuracy, in 0..1.
        won_for: Number of iterations, a multiple of ``interval``.
        prefix: Ending of the discriminator's name in the log; if there are several,
            with the name of the objective, e.g. ``adversarial.discriminator``.

    Raises:
        ValueError: If an argument is out of its range; at the first iteration, if the
            model logs no such scores.
    """

    def __init__(
        self,
        interval: int = 100,
        won_above: float = 0.99,
        won_for: int = 500,
        prefix: str = "discriminator",
    ) -> None:
        if interval < 1 or won_for < interval or won_for % interval:
            raise ValueError(
                f"ScoreCurveHook: interval={interval}, won_for={won_for}; won_for must "
                "be a multiple of interval, which must be 1 or more"
            )
        if not 0 < won_above < 1:
            raise ValueError(
                f"ScoreCurveHook: won_above={won_above}; allowed: between 0 and 1"
            )
        self.interval = interval
        self.won_above = won_above
        self.won_for = won_for
        self.prefix = prefix
        self.names: list[str] = []
        self.points: list[list[float]] = []
        self._warned = False
        self._sums: Tensor | None = None
        self._count = 0
        self._loaded: Mapping[str, Any] | None = None

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keep the curve of the checkpoint, for the case that training is resumed."""
        self._loaded = checkpoint.get(KEY)

    def before_train(self, runner: Runner) -> None:
        """Continue the curve of a resumed training."""
        if runner.iter > 0 and self._loaded is not None:
            self.load_state_dict(self._loaded)
        self._loaded = None

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Store the curve in the checkpoint."""
        checkpoint[KEY] = self.state_dict()

    def state_dict(self) -> dict[str, Any]:
        """Points, sums, and whether the warning was logged."""
        return {
            "points": [list(point) for point in self.points],
            "warned": self._warned,
            "sums": None if self._sums is None else self._sums.cpu(),
            "count": self._count,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore :meth:`state_dict`."""
        self.points = [list(point) for point in state["points"]]
        self._warned = state["warned"]
        self._sums = state["sums"]
        self._count = state["count"]

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: Any = None,
    ) -> None:
        """Add the scores of this step; draw them at the end of an interval."""
        self.names = self.names or self._find_names(list(outputs or {}))
        values = torch.stack([outputs[name].detach().float() for name in self.names])
        if self._sums is None:
            self._sums = torch.zeros_like(values)
        self._sums = self._sums.to(values.device) + values
        self._count += 1
        if (runner.iter + 1) % self.interval == 0:
            self._finish_interval(runner, self._sums / self._count)

    def _find_names(self, logged: list[str]) -> list[str]:
        """Names of the figures of the discriminator in the log."""
        tail = f"{self.prefix}.{FIGURES[0]}"
        found = [n for n in logged if n == tail or n.endswith(f".{tail}")]
        if len(found) != 1:
            raise ValueError(
                f"ScoreCurveHook: the model logs {tail!r} {len(found)} times; it logs "
                f"{sorted(logged)}; set prefix, or leave the hook out"
            )
        return [f"{found[0].removesuffix(FIGURES[0])}{name}" for name in FIGURES]

    def _finish_interval(self, runner: Runner, mean: Tensor) -> None:
        all_reduce(mean, op="sum")
        values = (mean / get_world_size()).tolist()
        self._sums, self._count = None, 0
        self.points.append([runner.iter + 1, *values])
        won = self.has_won()
        if won and not self._warned:
            runner.logger.warning(
                f"The discriminator has won: for {self.won_for} iterations it was "
                f"right on more than {self.won_above:.0%} of its inputs, so it teaches "
                "the segmentor nothing. Lower its learning rate "
                "(optim_wrapper.discriminator.optimizer.lr), raise its dropout, or "
                "turn self-training on."
            )
        self._warned = won
        if runner.rank == 0:
            picture = draw_scores(self.points)
            # Always the same step, so that one file is overwritten.
            runner.visualizer.add_image("discriminator_scores", picture, step=0)

    def has_won(self) -> bool:
        """Whether the discriminator was right for the last ``won_for`` iterations."""
        last = self.points[-(self.won_for // self.interval) :]
        enough = len(last) == self.won_for // self.interval
        return enough and all(point[3] > self.won_above for point in last)


def draw_scores(points: Sequence[Sequence[float]], title: str = "") -> np.ndarray:
    """Draw scores over iterations.

    Args:
        points: Each holds the iteration and the mean scores of predictions and of
            ground truth, in 0..1; further numbers are ignored.
        title: Title of the picture.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    figure = Figure(figsize=(6.4, 3.6), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    iterations = [point[0] for point in points]
    marker = "." if len(points) < 30 else None
    for column, label, color in (
        (2, "ground truth", "tab:blue"),
        (1, "predictions", "tab:orange"),
    ):
        values = [point[column] for point in points]
        axes.plot(iterations, values, marker=marker, label=label, color=color)
    axes.axhline(0.5, color="0.7", linewidth=0.8, zorder=0)
    axes.set_ylim(0, 1)
    axes.set_title(title)
    axes.set_xlabel("iteration")
    axes.set_ylabel("score of the discriminator")
    axes.legend(loc="best")
    return draw_figure(figure)
