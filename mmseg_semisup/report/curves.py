"""The curves of one training, or of several over each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from mmseg_semisup.evaluation.kept_pixels import KEPT, PRECISION
from mmseg_semisup.visualization.training_curves import LOSS, Points

from .chart import Series, line_chart
from .contents import Contents, is_other_score, is_score
from .markup import Html, details, el, join

SELECTIONS = ("selected", "pulled", "kept", "top_class")
"""Ends of the names of figures that are shares of pixels."""
JUDGEMENTS = ("fake", "real", "accuracy")
"""Ends of the names of a discriminator's figures."""
COSTS = ("time", "data_time", "memory")
Choice = Callable[[str], bool]


def draw_curves(run: Contents) -> Html | None:
    """All curves of a training: mIoU, losses by objective, selections, discriminator.

    Args:
        run: The training.

    Returns:
        None if nothing was logged.
    """
    if not run.points:
        return None
    charts = [*_scores([run]), *_losses(run)]
    shares = _matching(run.points, lambda key: _ends(key, SELECTIONS))
    if shares:
        charts.append(line_chart("Pixels, as a share", _series(run, shares), 0.0, 1.0))
    kept = _matching(run.points, _is_kept)
    if kept:
        title = "Labels above the threshold, of validation images, percent"
        charts.append(line_chart(title, _series(run, kept), 0.0, 100.0))
    judged = _matching(run.points, _is_judgement)
    if judged:
        title = "Scores of the discriminator"
        charts.append(line_chart(title, _series(run, judged), 0.0, 1.0))
    if not run.log.scores:
        charts = [*_other_scores(run), *charts]
    parts = [el("div", *charts, class_="charts")] if charts else []
    if run.log.scores:
        found = list(_other_scores(run))
        grid = el("div", *found, class_="charts")
        parts += [details("Further scores of the validation", grid)] if found else []
    rates = _matching(run.points, _is_rate)
    if rates:
        chart = line_chart("Learning rate", _series(run, rates), low=0.0)
        parts.append(details("Learning rates", el("div", chart, class_="charts")))
    further = [key for key in _matching(run.points, _is_further)]
    if further:
        others = [line_chart(key, _series(run, [key])) for key in further[:24]]
        grid = el("div", *others, class_="charts")
        parts.append(details("Further figures of the log", grid))
    return join(parts) if parts else None


def compare_curves(runs: Sequence[Contents]) -> Html | None:
    """MIoU and the sum of the losses of several trainings.

    Args:
        runs: The trainings.
    """
    charts = list(_scores(runs))
    sums = [
        Series(run.title, points, number)
        for number, run in enumerate(runs)
        if (points := _points(run.points, LOSS))
    ]
    if sums:
        charts.append(line_chart("Sum of the losses", sums))
    return el("div", *charts, class_="charts wide") if charts else None


def _scores(runs: Sequence[Contents]) -> Iterator[Html]:
    """MIoU of every network of every training."""
    series = []
    for number, run in enumerate(runs):
        for network in run.log.scores:
            several = len(run.log.scores) > 1
            name = network if several or len(runs) == 1 else ""
            if len(runs) > 1:
                name = f"{run.title} {name}".strip()
            color = number if len(runs) > 1 else None
            other = len(runs) > 1 and network != run.network
            series.append(Series(name, run.curve(network), color, dashed=other))
    if series:
        yield line_chart("mIoU of the validation, percent", series, low=0.0)


def _other_scores(run: Contents) -> Iterator[Html]:
    keys = _matching(run.points, is_other_score)
    if keys:
        title = "Further scores of the validation, percent"
        yield line_chart(title, _series(run, keys), low=0.0)


def _losses(run: Contents) -> Iterator[Html]:
    """A chart for the losses of each objective, and one of their sum."""
    owners: dict[str, list[str]] = {}
    for key in _matching(run.points, _is_loss):
        owners.setdefault(key.partition(".")[0], []).append(key)
    if len(owners) + len(next(iter(owners.values()), [])) > 2:
        total = _points(run.points, LOSS)
        if total:
            yield line_chart("Sum of the losses", [Series("sum", total)])
    for owner, keys in owners.items():
        names = [key.removeprefix(f"{owner}.") for key in keys]
        series = [
            Series(name, _points(run.points, key))
            for name, key in zip(names, keys, strict=True)
        ]
        yield line_chart(f"Losses of {owner}", series)


def _series(run: Contents, keys: Sequence[str]) -> list[Series]:
    return [Series(key, _points(run.points, key)) for key in keys]


def _points(points: Points, key: str) -> list[tuple[float, float]]:
    return [(step, values[key]) for step, values in points.items() if key in values]


def not_finite(points: Points) -> dict[str, int]:
    """Losses that were logged as NaN or infinite, and the first iteration of it.

    Args:
        points: Figures of a training.
    """
    found: dict[str, int] = {}
    for step, values in points.items():
        for key, value in values.items():
            if not math.isfinite(value) and (key == LOSS or _is_loss(key)):
                found.setdefault(key, step)
    return found


def _matching(points: Points, choice: Choice) -> list[str]:
    keys = dict.fromkeys(key for values in points.values() for key in values)
    return [key for key in keys if choice(key)]


def _ends(key: str, ends: Sequence[str]) -> bool:
    return key.rpartition(".")[2] in ends


def _is_loss(key: str) -> bool:
    return "loss" in key.rpartition(".")[2] and key != LOSS and "/" not in key


def _is_judgement(key: str) -> bool:
    return _ends(key, JUDGEMENTS) and "discriminator" in key


def _is_kept(key: str) -> bool:
    """Whether a figure is one of a ``ThresholdCheckHook``, not of a single class."""
    owner, _, name = key.rpartition("/")
    return bool(owner) and name in (PRECISION, KEPT)


def _is_rate(key: str) -> bool:
    name = key.partition("/")[0]
    return name == "lr" or name.endswith(".lr")


def _is_further(key: str) -> bool:
    known = (_is_loss, _is_judgement, _is_rate, is_score)
    of_validation = "/" in key or is_other_score(key)
    shown = key == LOSS or key in COSTS or _ends(key, SELECTIONS)
    return not (shown or of_validation or any(kind(key) for kind in known))
