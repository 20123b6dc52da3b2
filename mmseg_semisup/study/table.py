"""The results of a study as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from mmseg_semisup.core.text import shorten
from mmseg_semisup.models.network_names import STUDENT, TEACHER

from .gains import Row, make_rows, p_value, spread
from .plan import ALL_MASKS
from .selection import THRESHOLD

WIDTH = 100


def make_table(record: Mapping[str, Any]) -> str:
    """A row for each method and list of masks.

    Args:
        record: ``results.json`` of a study.

    Returns:
        A Markdown table; its columns are explained by :func:`make_notes`.
    """
    return _markdown(result_lines(record))


def result_lines(record: Mapping[str, Any]) -> list[list[str]]:
    """The titles and the rows of :func:`make_table`, with Markdown in their cells."""
    rows = make_rows(record)
    columns = {
        "method": [_label(row) for row in rows],
        "masks": [row.masks for row in rows],
        "seeds": _seeds(rows),
        "mIoU, last (best)": [f"**{last(row)}** ({best(row)})" for row in rows],
        "other network, last (best)": [_other(row) for row in rows],
        "gain": [gain(row) for row in rows],
        "seeds better": [better(row) for row in rows],
        "headroom": [share(row) for row in rows],
        "selected": [selected(row) for row in rows],
        "of them right": [right(row) for row in rows],
        "time": [cost(row) for row in rows],
        "memory": [memory(row) for row in rows],
    }
    kept = {k: v for k, v in columns.items() if any(v)}
    return [list(kept), *map(list, zip(*kept.values(), strict=True))]


def make_class_table(record: Mapping[str, Any]) -> str:
    """Mean IoU of each class in the last validation, of the network that predicts."""
    return _markdown(class_lines(record))


def class_lines(record: Mapping[str, Any]) -> list[list[str]]:
    """The titles and the rows of :func:`make_class_table`."""
    rows = make_rows(record)
    scores = [row.classes() for row in rows]
    seeds = _seeds(rows)
    columns = {
        "method": [_label(row) for row in rows],
        "masks": [row.masks for row in rows],
        **({"seeds": seeds} if any(seeds) else {}),
    }
    for name in dict.fromkeys(name for found in scores for name in found):
        values = [found.get(name) for found in scores]
        columns[name] = ["" if value is None else f"{value:.1f}" for value in values]
    return [list(columns), *map(list, zip(*columns.values(), strict=True))]


def make_notes(record: Mapping[str, Any]) -> str:
    """Where the numbers of a study come from, and what they mean."""
    cells = record["cells"]
    seeds = sorted({cell["seed"] for cell in cells})
    baselines = " and ".join(f"`{name}`" for name in record["baselines"])
    sentences = [
        f"Seeds {', '.join(map(str, seeds))}: mean ± standard deviation."
        if len(seeds) > 1
        else f"Seed {seeds[0]} alone.",
        "mIoU in percent after the last iteration, in brackets the best of the "
        "validations, which flatters.",
    ]
    compared = any(row.gains() for row in make_rows(record))
    if compared:
        sentences.append(
            f"Gain: over {baselines} with the same masks, seeds and iterations, and "
            "its own spread over pairs of one seed."
        )
    if any(cell["split"] == ALL_MASKS for cell in cells):
        sentences.append(
            "Headroom: the gain as a share of what training with all masks gains."
        )
    if any(cell.get("selection") for cell in cells):
        sentences.append(
            f"Selected: pixels of the unlabelled images above a probability of "
            f"{THRESHOLD}, after the last iteration, and how many of them are right."
        )
    measured = {bool(cell["cpu_seconds"]) for cell in cells}
    times = ["processor time of a whole training"] if True in measured else []
    times += ["time of the steps of training"] if False in measured else []
    time = " or ".join(times)
    if compared:
        where = " on the same machine" if len({c["machine"] for c in cells}) > 1 else ""
        sentences.append(f"Time: {time}, as a multiple of the baseline's{where}.")
    if any(cell["device"] == "GPU" for cell in cells):
        sentences.append("Memory: of the process, or what it has allocated on a GPU.")
    missing = record.get("missing") or []
    if missing:
        sentences.append(f"Not finished: {shorten(missing, 6)}.")
    sentences += [f"{note}." for note in record.get("notes") or []]
    commits = _several(cell["commit"] or "unknown" for cell in cells)
    machines = _several(f"{cell['machine']}" for cell in cells)
    packages = _several(f"PyTorch {cell['versions'].get('torch')}" for cell in cells)
    sentences.append(f"Commit {commits}; {machines}; {packages}.")
    return textwrap.fill(
        " ".join(sentences), WIDTH, break_long_words=False, break_on_hyphens=False
    )


def make_page(record: Mapping[str, Any]) -> str:
    """Both tables, the notes and the command, as a Markdown page."""
    return "\n\n".join(
        [
            f"# Study {record['study']}",
            make_table(record),
            make_notes(record),
            make_class_table(record),
            f"```bash\n{record['command']}\n```",
        ]
    )


def last(row: Row) -> str:
    """Last mIoU of the network that predicts, '42.5 ± 0.4'."""
    return _with_spread(row.scores("last"), "{:.1f}")


def best(row: Row) -> str:
    """Mean of the best validations, '43.0'."""
    return f"{fmean(row.scores('best')):.1f}"


def _other(row: Row) -> str:
    """The scores of the network that does not predict, student or teacher."""
    for name in (STUDENT, TEACHER):
        lasts = row.scores("last", name)
        if name != row.network and lasts:
            bests = fmean(row.scores("best", name))
            return f"{name} {_with_spread(lasts, '{:.1f}')} ({bests:.1f})"
    return ""


def gain(row: Row) -> str:
    """Gain over the baseline in points, '+4.6 ± 0.3'."""
    gains = row.gains()
    return _with_spread(gains, "{:+.1f}") if gains else ""


def better(row: Row) -> str:
    """How many seeds are better; with many seeds also p."""
    gains = row.gains()
    if not gains:
        return ""
    text = f"{sum(value > 0 for value in gains)} of {len(gains)}"
    p = p_value(gains)
    return text if p is None else f"{text}, p = {p:.2g}"


def share(row: Row) -> str:
    """Share of the headroom, '55 %'."""
    found = row.share()
    return "" if found is None else f"{100 * found:.0f} %"


def selected(row: Row) -> str:
    """Pixels of unlabelled images above the threshold, '70 %'."""
    found = row.selection("kept")
    return "" if found is None else f"{found:.0f} %"


def right(row: Row) -> str:
    """Share of the selected pixels that are right, '93.1 %'."""
    found = row.selection("accuracy_of_kept")
    return "" if found is None else f"{found:.1f} %"


def cost(row: Row) -> str:
    """Time as a multiple of the baseline's, '2.5'."""
    found = row.cost()
    return "" if found is None else f"{found:.1f}"


def memory(row: Row) -> str:
    """Greatest memory, '1.2 GB', or '3.2 GB (GPU)' of what a GPU has allocated."""
    return ", ".join(
        f"{found / 1000:.1f} GB" + (" (GPU)" if device == "GPU" else "")
        for device, found in sorted(row.memory().items())
    )


VALUES = {
    "last": last,
    "best": best,
    "gain": gain,
    "better": better,
    "headroom": share,
    "selected": selected,
    "right": right,
    "time": cost,
    "memory": memory,
}
"""Single numbers that a document may have."""


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    head, *rows = lines
    return "\n".join(map(_line, [head, ["---"] * len(head), *rows]))


def _line(cells: Sequence[str]) -> str:
    """A line of a Markdown table; empty cells have one space."""
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|"


def _label(row: Row) -> str:
    return f"`{row.method}`" + (", all masks" if row.split == ALL_MASKS else "")


def _seeds(rows: Sequence[Row]) -> list[str]:
    """The seeds of each row, '0, 1'; empty where all rows have the same."""
    found = [", ".join(str(result["seed"]) for result in row.results) for row in rows]
    return found if len(set(found)) > 1 else [""] * len(rows)


def _with_spread(values: Sequence[float], form: str) -> str:
    text = form.format(fmean(values))
    deviation = spread(values)
    return text if deviation is None else f"{text} ± {deviation:.1f}"


def _several(texts: Any) -> str:
    return ", ".join(dict.fromkeys(texts))
