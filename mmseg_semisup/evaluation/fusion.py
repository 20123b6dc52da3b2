"""What switching off classes gives (Mittal 2019, Table 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from mmseg_semisup.models.segmentors.fused import FusedSegmentor, switch_off

PIXEL_GRID = tuple(range(1000, 13000, 1000))
"""The paper's pixel counts, 1000 to 12000."""

Rule = Callable[[Tensor, Tensor], Tensor]
"""From pixels of each class and scores, each (C,), to what is on, (C,), bool."""


@torch.no_grad()
def count(
    model: FusedSegmentor,
    batches: Iterable[dict],
    rules: Mapping[str, Rule],
    ignore_index: int = 255,
) -> dict[str, Tensor]:
    """Confusion of every rule, in one pass over the images.

    Args:
        model: Segmentor and classifier.
        batches: As mmseg's test data, with masks.
        rules: Name to rule.
        ignore_index: Label of pixels that do not count.

    Returns:
        Name to pixels, (C, C), int64: rows are labels, columns predictions.
    """
    classes = len(model.classes)
    device = model.columns.device
    found = {
        name: torch.zeros(classes, classes, dtype=torch.int64, device=device)
        for name in rules
    }
    model.eval()
    for batch in batches:
        data = model.data_preprocessor(batch, False)
        samples = model.segmentor(data["inputs"], data["data_samples"], mode="predict")
        scores = model.scores(data["inputs"], samples)
        for sample, score in zip(samples, scores, strict=True):
            logits = sample.seg_logits.data
            label = sample.gt_sem_seg.data.squeeze(0).to(device)
            known = label != ignore_index
            pixels = torch.bincount(logits.argmax(0).flatten(), minlength=classes)
            for name, rule in rules.items():
                kept = switch_off(logits, rule(pixels, score), model.background)
                pairs = label[known] * classes + kept.argmax(0)[known]
                found[name] += torch.bincount(pairs, minlength=classes**2).view(
                    classes, classes
                )
    return found


def class_iou(confusion: Tensor) -> Tensor:
    """IoU of each class, (C,), float64, 0..1; NaN where it never is."""
    confusion = confusion.double()
    hits = confusion.diag()
    return hits / (confusion.sum(0) + confusion.sum(1) - hits)


def mean_iou(confusion: Tensor) -> float:
    """Mean over the classes that occur, in percent."""
    return 100 * class_iou(confusion).nanmean().item()


def basic_rules(tau: float, grid: Sequence[int] = PIXEL_GRID) -> dict[str, Rule]:
    """The segmentor alone, with the classifier, and with one pixel count of each."""

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
    """The pixel count of the best mean IoU, and that of each class's best IoU.

    Args:
        found: Of :func:`count` with :func:`basic_rules`.
        grid: The pixel counts.

    Returns:
        A number, and (C,), int64.
    """
    values = torch.stack([class_iou(found[f"pixels {n}"]) for n in grid])
    best = grid[int(values.nanmean(dim=1).argmax())]
    choice = values.nan_to_num(-1).argmax(dim=0)
    return best, torch.tensor(grid, device=values.device)[choice]
