"""Compares rules that switch off classes (Mittal 2019, Table 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor

from mmseg_semisup.models.fused_segmentor import switch_off

PIXEL_GRID = tuple(range(1000, 13000, 1000))
"""The paper's pixel counts, 1000 to 12000."""

Rule = Callable[[Tensor, Tensor], Tensor]
"""Function of pixel counts and scores, each (C,); returns the classes kept, bool."""


class RuleCounts:
    """Confusion matrices of several rules, over the images of all processes.

    Args:
        rules: Name to rule.
        background: Class that is never off, or None.
        ignore_index: Label of pixels that do not count.
    """

    def __init__(
        self,
        rules: Mapping[str, Rule],
        background: int | None,
        ignore_index: int = 255,
    ) -> None:
        self.rules = dict(rules)
        self.background = background
        self.ignore_index = ignore_index
        self._found: dict[str, Tensor] = {}

    @torch.no_grad()
    def add(self, logits: Tensor, scores: Tensor, label: Tensor) -> None:
        """Count the pixels of an image.

        Args:
            logits: Logits of the segmentor, (C, H, W), float.
            scores: Scores of the classifier, (C,), float, in 0..1.
            label: (H, W), long.
        """
        classes = len(logits)
        label = label.to(logits.device)
        known = label != self.ignore_index
        pixels = torch.bincount(logits.argmax(0).flatten(), minlength=classes)
        for name, rule in self.rules.items():
            kept = switch_off(logits, rule(pixels, scores), self.background)
            pairs = label[known] * classes + kept.argmax(0)[known]
            found = torch.bincount(pairs, minlength=classes**2)
            found = found.view(classes, classes)
            self._found[name] = self._found.get(name, 0) + found

    def total(self, classes: int, device: torch.device) -> dict[str, Tensor]:
        """Confusion of each rule, in pixels, (C, C), int64; all processes call this.

        Args:
            classes: The number of classes, C, unknown to a process without images.
            device: The device through which the processes communicate.

        Returns:
            Name of each rule to its confusion; rows are labels, columns predictions.
        """
        empty = torch.zeros(classes, classes, dtype=torch.int64, device=device)
        total = {}
        for name in self.rules:
            total[name] = self._found.get(name, empty).clone()
            all_reduce(total[name], op="sum")
        return total


def class_iou(confusion: Tensor) -> Tensor:
    """IoU of each class, (C,), float64, 0..1; NaN if it never occurs."""
    confusion = confusion.double()
    hits = confusion.diag()
    return hits / (confusion.sum(0) + confusion.sum(1) - hits)


def mean_iou(confusion: Tensor) -> float:
    """Mean over the classes that occur, in percent."""
    return 100 * class_iou(confusion).nanmean().item()


def basic_rules(tau: float, grid: Sequence[int] = PIXEL_GRID) -> dict[str, Rule]:
    """Rules for the bare segmentor, the classifier, and each pixel count."""

    def at_least(number: int) -> Rule:
        return lambda pixels, scores: pixels >= number

    return {
        "only": lambda pixels, scores: torch.ones_like(scores, dtype=torch.bool),
        "classifier": lambda pixels, scores: scores > tau,
        **{f"pixels {number}": at_least(number) for number in grid},
    }


def best_pixels(
    found: Mapping[str, Tensor], grid: Sequence[int] = PIXEL_GRID
) -> tuple[int, Tensor]:
    """The pixel count with the best mean IoU, and the best one for each class.

    Args:
        found: Totals of :class:`RuleCounts` with :func:`basic_rules`.
        grid: The pixel counts to choose from.

    Returns:
        The best number for all classes, and the best ones, (C,), int64.
    """
    values = torch.stack([class_iou(found[f"pixels {n}"]) for n in grid])
    best = grid[int(values.nanmean(dim=1).argmax())]
    choice = values.nan_to_num(-1).argmax(dim=0)
    return best, torch.tensor(grid, device=values.device)[choice]
