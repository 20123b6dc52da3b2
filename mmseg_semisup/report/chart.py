"""Curves as SVG that follows the page's colours, light and dark.

The pictures are small texts: no script, no raster, and drawn in milliseconds, so that a
report can be written at each validation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .markup import Html, el, join

WIDTH, HEIGHT = 460, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 34
TICKS = 5
MOST_POINTS = 240
"""Points of a curve; longer ones show means of neighbours."""
MARKED = 40
"""Points of a curve up to which each has a mark with its value."""
COLORS = 8
"""Number of colours of curves in the style sheet."""
FLAT = 1e-9


@dataclass(frozen=True)
class Series:
    """A curve.

    Attributes:
        name: Its name in the legend.
        points: Iteration and value; values that are not finite leave a gap.
        color: Number of its colour; None: its position.
        dashed: Whether its line is dashed.
    """

    name: str
    points: Sequence[tuple[float, float]]
    color: int | None = None
    dashed: bool = False


def line_chart(
    title: str,
    series: Sequence[Series],
    low: float | None = None,
    high: float | None = None,
    along: str = "iteration",
) -> Html:
    """Curves over a common axis, with a legend that has their last values.

    Args:
        title: What is drawn, with the unit.
        series: The curves, at least one.
        low: Least value of the vertical axis; None: by the values.
        high: Greatest value of it; None: by the values.
        along: What the horizontal axis counts.
    """
    drawn = [(one, _thinned(one.points)) for one in series]
    finite = [p for _, points in drawn for p in points if math.isfinite(p[1])]
    x_axis = _axis([x for x, _ in finite], None, None)
    y_axis = _axis([y for _, y in finite], low, high)
    parts = [*_grid(x_axis, y_axis, along)]
    for number, (one, points) in enumerate(drawn):
        parts += _curve(one, points, _color(one, number), x_axis, y_axis)
    svg = el(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{title}: {', '.join(one.name for one in series)}",
    )
    gaps = [
        one.name for one in series if any(not math.isfinite(y) for _, y in one.points)
    ]
    note = f"Not a finite number in places: {', '.join(gaps)}." if gaps else None
    return el(
        "figure",
        el("figcaption", title),
        svg,
        el("ul", *(_entry(one, i) for i, one in enumerate(series)), class_="legend"),
        el("p", note, class_="note warn") if note else None,
        class_="chart",
    )


def number(value: float) -> str:
    """A figure with as many digits as it needs.

    >>> number(0.00012), number(0.5), number(43.217), number(20000)
    ('0.00012', '0.5', '43.22', '20000')
    """
    if not math.isfinite(value):
        return str(value)
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    digits = 2 - math.floor(math.log10(abs(value))) if abs(value) < 1 else 2
    shown = f"{value:.{min(digits - 1 if abs(value) < 1 else digits, 8)}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    ticks: Sequence[float]

    def place(self, value: float) -> float:
        """A value's position, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)


def _axis(values: Sequence[float], low: float | None, high: float | None) -> _Axis:
    least = min(values, default=0.0) if low is None else low
    most = max(values, default=1.0) if high is None else high
    if most - least < FLAT * max(1.0, abs(most)):
        least, most = least - 0.5 * (low is None), most + 0.5
    step = _step((most - least) / TICKS)
    if low is None:
        least = step * math.floor(least / step + FLAT)
    if high is None:
        most = step * math.ceil(most / step - FLAT)
    count = math.floor((most - least) / step + FLAT) + 1
    return _Axis(least, most, [least + i * step for i in range(count)])


def _step(least: float) -> float:
    """The least of 1, 2, 5, 10, ... that is no smaller."""
    power = 10 ** math.floor(math.log10(least))
    return next(f * power for f in (1, 2, 5, 10, 20) if f * power >= least * (1 - FLAT))


def _x(axis: _Axis, value: float) -> float:
    return LEFT + axis.place(value) * (WIDTH - LEFT - RIGHT)


def _y(axis: _Axis, value: float) -> float:
    inside = min(max(axis.place(value), 0.0), 1.0)
    return HEIGHT - BOTTOM - inside * (HEIGHT - TOP - BOTTOM)


def _grid(x_axis: _Axis, y_axis: _Axis, along: str) -> Iterator[Html]:
    for value in y_axis.ticks:
        y = f"{_y(y_axis, value):.1f}"
        yield el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid")
        label = _tick(value, y_axis)
        yield el("text", label, x=LEFT - 7, y=y, class_="tick end", dy="0.35em")
    bottom = HEIGHT - BOTTOM
    for value in x_axis.ticks:
        x = f"{_x(x_axis, value):.1f}"
        place = "end" if value == x_axis.ticks[-1] and len(x_axis.ticks) > 1 else "mid"
        yield el("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="grid")
        label = _tick(value, x_axis)
        yield el("text", label, x=x, y=bottom + 16, class_=f"tick {place}")
    yield el("text", along, x=LEFT, y=HEIGHT - 2, class_="tick axis")


def _tick(value: float, axis: _Axis) -> str:
    step = axis.ticks[1] - axis.ticks[0] if len(axis.ticks) > 1 else 1.0
    digits = max(0, -math.floor(math.log10(step) + FLAT))
    if abs(value) >= 10000 and digits == 0:
        thousands = f"{value / 1000:.1f}".removesuffix(".0")
        return f"{thousands}k"
    return f"{value + 0.0:.{min(digits, 9)}f}" if digits < 6 else f"{value:.0e}"


def _curve(
    one: Series,
    points: Sequence[tuple[float, float]],
    color: int,
    x_axis: _Axis,
    y_axis: _Axis,
) -> Iterator[Html]:
    kind = f"c{color}" + (" dashed" if one.dashed else "")
    for run in _runs(points):
        places = [f"{_x(x_axis, x):.1f},{_y(y_axis, y):.1f}" for x, y in run]
        if len(places) > 1:
            yield el("polyline", points=" ".join(places), class_=f"curve {kind}")
    finite = [(x, y) for x, y in points if math.isfinite(y)]
    for x, y in finite if len(points) <= MARKED else finite[-1:]:
        title = el("title", f"{one.name}: {number(y)} at {x:g}")
        place = {"cx": f"{_x(x_axis, x):.1f}", "cy": f"{_y(y_axis, y):.1f}"}
        yield el("circle", title, r=2.6, class_=f"mark c{color}", **place)


def _runs(
    points: Iterable[tuple[float, float]],
) -> Iterator[list[tuple[float, float]]]:
    """Parts of a curve without gaps."""
    run: list[tuple[float, float]] = []
    for x, y in points:
        if math.isfinite(y):
            run.append((x, y))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Means of neighbours, so that no more than :data:`MOST_POINTS` are left."""
    if len(points) <= MOST_POINTS:
        return points
    ends = [round(i * len(points) / MOST_POINTS) for i in range(MOST_POINTS + 1)]
    thinned = []
    for first, last in pairwise(ends):
        part = points[first:last]
        values = [y for _, y in part if math.isfinite(y)]
        mean = sum(values) / len(values) if values else math.nan
        thinned.append((part[-1][0], mean))
    return thinned


def _color(one: Series, number: int) -> int:
    return (number if one.color is None else one.color) % COLORS


def _entry(one: Series, place: int) -> Html:
    swatch = f"swatch c{_color(one, place)}" + (" dashed" if one.dashed else "")
    finite = [y for _, y in one.points if math.isfinite(y)]
    last = [" ", el("b", number(finite[-1]))] if finite else []
    return el("li", el("i", class_=swatch), join([one.name, *last]))
