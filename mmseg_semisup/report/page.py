"""Puts sections together as a page, and writes ``report.html``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.text import duration
from mmseg_semisup.version import __version__

from .baseline import recall_baseline
from .contents import Contents, check_classes, distinct_titles, read_contents
from .curves import compare_curves
from .markup import Html, details, el, join, table, terms
from .pictures import draw_images
from .scores import compare_classes, difference, one_digit
from .sections import SPARE, Section, lead, notices, numbers, sections_of
from .style import STYLE

REPORT = "report.html"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Nothing is loaded, and no script runs."""


def make_page(
    kicker: str,
    title: str,
    introduction: Sequence[Html | None],
    sections: list[Section],
) -> bytes:
    """A whole page as UTF-8.

    Args:
        kicker: What the page is.
        title: Its title.
        introduction: What stands above the list of sections.
        sections: The sections.
    """
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=POLICY),
        el("meta", name="generator", content=f"mmseg_semisup {__version__}"),
        el("title", f"{title}: {kicker}"),
        el("style", Html(STYLE)),
    )
    header = el(
        "header", el("p", kicker, class_="kicker"), el("h1", title), *introduction
    )
    nav = el("nav", _contents(sections), aria_label="Sections")
    footer = el(
        "footer",
        f"Written by mmseg_semisup {__version__}. This file needs no network and runs "
        "no scripts.",
    )
    main = el("main", *(_section(one, 2) for one in sections))
    body = el("body", el("div", header, nav, main, footer, class_="page"))
    page = el("html", head, body, lang="en")
    return f"<!DOCTYPE html>\n{page}\n".encode()


def _contents(sections: Sequence[Section]) -> Html:
    items = []
    for one in sections:
        inner = _contents(one.inner) if one.inner else None
        items.append(el("li", el("a", one.title, href=f"#{one.key}"), inner))
    return el("ol", *items)


def _section(one: Section, level: int) -> Html:
    inner = (_section(part, level + 1) for part in one.inner)
    title = el(f"h{min(level, 4)}", one.title)
    return el("section", title, one.body, *inner, id=one.key)


def training_page(
    run: Contents, baseline: Contents | None = None, problem: str = ""
) -> bytes:
    """The report of one training.

    Args:
        run: The training.
        baseline: The training to compare with.
        problem: Why there is no baseline, if there should be one.

    Raises:
        ConfigError: If their classes differ.
    """
    if baseline is not None:
        check_classes(run, baseline, "--baseline")
    introduction = [
        el("p", lead(run), class_="lead"),
        numbers(run, baseline),
        el("p", problem, class_="callout") if problem else None,
        notices(run),
    ]
    sections = sections_of(run, baseline)
    return make_page("Report of a training", run.title, introduction, sections)


def comparison_page(
    runs: Sequence[Contents], baseline: Contents | None = None
) -> bytes:
    """The report of several trainings.

    Args:
        runs: The trainings, at least two.
        baseline: The training that gains refer to; may be one of ``runs``.

    Raises:
        ConfigError: If their classes differ.
    """
    if baseline is not None:
        check_classes(runs[0], baseline, "--baseline")
    for other in runs[1:]:
        check_classes(runs[0], other, "the training")
    everyone = list(runs)
    if baseline is not None and all(run is not baseline for run in runs):
        everyone.insert(0, baseline)
    # The images are those of the best one, beside the others.
    ranked = sorted(everyone, key=lambda run: run.last or 0.0, reverse=True)
    first = next((run for run in ranked if run.validation), ranked[0])
    bodies = [
        ("curves", "Curves", compare_curves(everyone)),
        ("classes", "Classes", compare_classes(everyone)),
        ("images", "Images", _images(first, everyone, baseline)),
        ("trainings", "The trainings", join(map(_summary, everyone))),
    ]
    sections = [Section(key, name, body) for key, name, body in bodies if body]
    title = " against ".join(run.title for run in everyone[:4])
    introduction = [overview(everyone, baseline)]
    return make_page("Comparison of trainings", title, introduction, sections)


def _images(
    first: Contents, everyone: Sequence[Contents], baseline: Contents | None
) -> Html | None:
    others = [run for run in everyone if run is not first]
    if baseline is not None:
        others.sort(key=lambda run: run is not baseline)
    found = draw_images(first, others)
    if found is None:
        return None
    return join([el("p", f"Prediction and errors are those of {first.title}."), found])


def overview(runs: Sequence[Contents], baseline: Contents | None = None) -> Html:
    """A row of numbers for each training.

    Args:
        runs: The trainings.
        baseline: The training that gains refer to.
    """
    head = ["training", "mIoU, last"]
    head += ["gain"] if baseline is not None else []
    head += ["best", "at", "iterations", "time of the steps"]
    rows = []
    for run in runs:
        best = run.best
        row = [run.title, el("b", one_digit(run.last))]
        if baseline is not None:
            row.append(
                "baseline" if run is baseline else difference(run.last, baseline.last)
            )
        row += [one_digit(best[1]), str(best[0])] if best else ["", ""]
        seconds = run.log.seconds
        row += [str(run.iteration), duration(seconds) if seconds else ""]
        rows.append(row)
    return table(head, rows, range(1, len(head)))


def _summary(run: Contents) -> Html:
    topics = [(k, v) for k, v in run.facts.topics.items() if k not in SPARE]
    parts = [el("p", lead(run)), notices(run), terms(topics) if topics else None]
    if run.facts.starts:
        parts.append(el("pre", run.facts.starts[-1]["command"]))
    return details(run.title, *parts)


def with_baseline(folder: Path) -> tuple[Contents, Contents | None, str]:
    """Read a training, and the baseline that was named for it.

    Args:
        folder: The work-dir.

    Returns:
        The training, its baseline or None, and why a baseline that was named cannot be
        compared with.

    Raises:
        ConfigError: If the training cannot be read.
    """
    try:
        baseline = recall_baseline(folder)
        if baseline is not None:
            run, other = read_several([folder, baseline])
            check_classes(run, other, "--baseline")
            return run, other, ""
    except ConfigError as error:
        return read_contents(folder), None, f"Without its baseline: {error}."
    return read_contents(folder), None, ""


def write_report(folder: Path) -> Path:
    """Write the report of a training into its work-dir, with the baseline noted there.

    Args:
        folder: The work-dir.

    Returns:
        The file.

    Raises:
        ConfigError: If the work-dir cannot be read.
        WriteError: If the file cannot be written.
    """
    path = folder / REPORT
    atomic_write(path, training_page(*with_baseline(folder)))
    return path


def read_several(folders: Sequence[Path]) -> list[Contents]:
    """Read work-dirs, whose titles on a page differ.

    Args:
        folders: The work-dirs; one that is named again is the same training.

    Raises:
        ConfigError: If one of them cannot be read.
    """
    places = [folder.resolve() for folder in folders]
    unique = dict(zip(places, folders, strict=True))
    titles = distinct_titles(list(unique))
    pairs = zip(unique.items(), titles, strict=True)
    found = {place: read_contents(f, title) for (place, f), title in pairs}
    return [found[place] for place in places]
