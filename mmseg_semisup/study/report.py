"""The report of a study: its tables, its picture, and curves of all trainings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any
from urllib.parse import quote

from mmseg_semisup.core.text import shorten
from mmseg_semisup.report.chart import Series, line_chart
from mmseg_semisup.report.markup import Html, data_url, el, join, table, terms
from mmseg_semisup.report.page import REPORT, make_page
from mmseg_semisup.report.sections import Section

from .gains import Row, make_rows
from .plan import ALL_MASKS
from .table import class_lines, gain, last, make_notes, result_lines

CELLS = "cells"
INLINE = re.compile(r"\*\*(?P<bold>[^*]+)\*\*|`(?P<code>[^`]+)`")
TEXTS = 2
"""Columns of the tables that hold texts."""


def study_page(record: Mapping[str, Any], picture: bytes, folder: Path) -> bytes:
    """The report of a study.

    Args:
        record: Its ``results.json``.
        picture: A PNG file of its gains.
        folder: Its work-dir, whose trainings have reports of their own.

    Returns:
        A page of HTML as UTF-8.
    """
    rows = make_rows(record)
    bodies: list[tuple[str, str, Html | None]] = [
        ("results", "Results", _results(record)),
        ("gains", "Gains", _picture(rows, picture)),
        ("curves", "Curves", _curves(rows)),
        ("classes", "Classes", _table(class_lines(record))),
        ("selection", "Selected labels", _selection(rows)),
        ("trainings", "Trainings", _trainings(record, folder)),
        ("origin", "Command and versions", _origin(record)),
    ]
    sections = [Section(key, title, body) for key, title, body in bodies if body]
    seeds = len({cell["seed"] for cell in record["cells"]})
    methods = ", ".join(dict.fromkeys(row.method for row in rows))
    text = f"{len(record['cells'])} trainings: {methods}, with {seeds} seeds."
    if seeds == 1:
        text = f"{len(record['cells'])} trainings: {methods}, with one seed."
    missing = record.get("missing") or []
    notice = None
    if missing:
        names = f"Not finished: {shorten(missing)}."
        notice = el("p", names, class_="callout")
    introduction = [el("p", text, class_="lead"), _numbers(rows), notice]
    title = f"Study {record['study']}"
    return make_page("Report of a study", title, introduction, sections)


def inline(text: str) -> Html:
    """A text whose bold words and code are marked as in Markdown.

    >>> inline("**1** < `a`")
    '<b>1</b> &lt; <code>a</code>'
    """
    parts: list[Any] = []
    end = 0
    for match in INLINE.finditer(text):
        parts.append(text[end : match.start()])
        bold = match["bold"]
        parts.append(el("b", bold) if bold else el("code", match["code"]))
        end = match.end()
    return join([*parts, text[end:]])


def _numbers(rows: Sequence[Row]) -> Html:
    """A card for each method and list: its gain, or the baseline's mIoU."""
    cards = []
    for row in rows:
        masks = "all masks" if row.split == ALL_MASKS else f"{row.masks} masks"
        found = gain(row)
        value = found or last(row)
        what = "gain" if found else "mIoU"
        cards.append(
            el("li", el("span", f"{row.method}, {masks}: {what}"), el("b", value))
        )
    return el("ul", *cards, class_="numbers even")


def _picture(rows: Sequence[Row], picture: bytes) -> Html | None:
    """The picture of the gains; None: there are none yet."""
    if not any(row.gains() and row.split != ALL_MASKS for row in rows):
        return None
    alt = "gain of each method over the baseline, and its time"
    return el("img", src=data_url(picture, "image/png"), alt=alt, class_="whole")


def _results(record: Mapping[str, Any]) -> Html:
    notes = el("p", inline(make_notes(record)), class_="note")
    return join([_table(result_lines(record)), notes])


def _table(lines: Sequence[Sequence[str]]) -> Html:
    head, *rows = lines
    numbers = range(TEXTS, len(head))
    return table(head, [[inline(cell) for cell in row] for row in rows], numbers)


def _curves(rows: Sequence[Row]) -> Html | None:
    """For each list of masks, the mean mIoU over the seeds of each method."""
    charts = []
    methods = list(dict.fromkeys(row.method for row in rows))
    for split in dict.fromkeys(row.split for row in rows):
        own = [row for row in rows if row.split == split]
        series = [
            Series(row.method, list(_mean_curve(row)), methods.index(row.method))
            for row in own
        ]
        masks = "all masks" if split == ALL_MASKS else f"{own[0].masks} masks"
        charts.append(line_chart(f"mIoU in percent, {masks}", series, low=0.0))
    return el("div", *charts, class_="charts wide") if charts else None


def _mean_curve(row: Row) -> Iterator[tuple[float, float]]:
    curves = [result["networks"][row.network]["curve"] for result in row.results]
    shared = set.intersection(*(set(curve) for curve in curves))
    for step in sorted(shared, key=int):
        yield int(step), fmean(curve[step] for curve in curves)


def _selection(rows: Sequence[Row]) -> Html | None:
    """How many labels are above each confidence, and how many of them are right."""
    charts = []
    titles = {
        "kept": "Pixels of unlabelled images that are kept, percent",
        "accuracy_of_kept": "Of them right, percent",
    }
    for key, title in titles.items():
        series = []
        for row in rows:
            found = [r["selection"] for r in row.results if r.get("selection")]
            points = list(_by_threshold(found, key))
            if points:
                series.append(Series(f"{row.method}, {row.masks} masks", points))
        if series:
            charts.append(line_chart(title, series, along="confidence of at least"))
    return el("div", *charts, class_="charts wide") if charts else None


def _by_threshold(
    found: Sequence[Mapping[str, Any]], key: str
) -> Iterator[tuple[float, float]]:
    for place, threshold in enumerate(found[0]["thresholds"] if found else ()):
        values = [one[key][place] for one in found if place < len(one[key])]
        known = [value for value in values if value is not None]
        if known:
            yield threshold, fmean(known)


def _trainings(record: Mapping[str, Any], folder: Path) -> Html:
    rows = []
    for cell in record["cells"]:
        name = cell["cell"]
        scores = cell["networks"][cell["predicts"]]
        title: Any = name
        if (folder / CELLS / name / REPORT).is_file():
            title = el("a", name, href=quote(f"{CELLS}/{name}/{REPORT}"))
        rows.append([title, f"{scores['last']:.1f}", f"{scores['best']:.1f}"])
    return table(["training", "mIoU, last", "best"], rows, (1, 2))


def _origin(record: Mapping[str, Any]) -> Html:
    cell = record["cells"][0]
    versions = ", ".join(f"{name} {v}" for name, v in cell["versions"].items())
    known = [
        ("commit", cell["commit"] or "not known"),
        ("machine", cell["machine"]),
        ("versions", versions),
    ]
    return join([el("pre", record["command"]), terms(known)])
