"""Curves: every value at its place, gaps where there is none."""

from __future__ import annotations

import math
import re

import pytest
from strict_html import StrictPage

from mmseg_semisup.report import chart
from mmseg_semisup.report.chart import Series, line_chart
from mmseg_semisup.report.markup import Html


def parsed(figure: Html) -> StrictPage:
    return StrictPage(f"<!DOCTYPE html>{figure}".encode())


def lines(figure: Html) -> list[list[tuple[float, float]]]:
    found = re.findall(r'<polyline points="([^"]*)"', figure)
    return [[tuple(map(float, p.split(","))) for p in one.split()] for one in found]


def test_values_are_at_their_places():
    figure = line_chart("IoU", [Series("a", [(0, 0), (50, 100)])], 0.0, 100.0)
    ((first, last),) = lines(figure)
    assert first == (chart.LEFT, chart.HEIGHT - chart.BOTTOM)
    assert last == (chart.WIDTH - chart.RIGHT, chart.TOP)
    assert "a: 100 at 50" in parsed(figure).texts


def test_nan_leaves_a_gap_and_is_told():
    points = [(1, 1.0), (2, 2.0), (3, math.nan), (4, 1.0), (5, math.inf), (6, 3.0)]
    figure = line_chart("loss", [Series("a", points), Series("b", points[:2])])
    runs = lines(figure)
    assert [len(run) for run in runs] == [2, 2]
    assert "nan" not in figure
    assert "inf" not in figure
    assert "Not a finite number in places: a." in parsed(figure).texts


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(0, math.nan)],
        [(5, 1.0)],
        [(0, 2.0), (1, 2.0)],
        [(0, 0.0), (1, 0.0)],
        [(0, 1e-12), (10**9, 1e12)],
        [(0, -3.0), (1, -1.0)],
        [(1, 1e30), (2, -1e30)],
    ],
    ids=range(8),
)
def test_any_values_are_drawn_within_the_picture(points):
    figure = line_chart("x", [Series("a", points)])
    parsed(figure)
    for x, y in (place for run in lines(figure) for place in run):
        assert chart.LEFT <= x <= chart.WIDTH
        assert 0 <= y <= chart.HEIGHT


def test_long_curves_are_means_of_neighbours():
    points = [(i, float(i % 2)) for i in range(10_000)]
    (run,) = lines(line_chart("x", [Series("a", points)], 0.0, 1.0))
    assert len(run) == chart.MOST_POINTS
    middle = (chart.HEIGHT - chart.BOTTOM + chart.TOP) / 2
    assert all(abs(y - middle) < 4 for _, y in run)


def test_ticks_have_the_digits_that_tell_them_apart():
    figure = line_chart("x", [Series("a", [(0, 0.0), (160_000, 0.004)])])
    ticks = re.findall(r">([^<>]+)</text>", figure)
    assert {"0.000", "0.001", "0.004", "0", "50k", "150k"} <= set(ticks)
