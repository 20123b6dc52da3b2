"""The sections of a report of one training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmseg_semisup.core.text import duration

from .contents import Contents
from .curves import draw_curves, not_finite
from .markup import Html, details, el, join, table, terms
from .pictures import draw_images, whole_picture
from .scores import (
    class_table,
    confusion_table,
    difference,
    label_quality,
    one_digit,
)

FIRST_BATCH = "first_batch.png"
SPARE = ("files",)
"""Topics of the outline that are of no use in a report."""


@dataclass
class Section:
    """A section of a page.

    Attributes:
        key: Its name in links.
        title: Its title.
        body: Its content.
        inner: Sections below it.
    """

    key: str
    title: str
    body: Html
    inner: list[Section] = field(default_factory=list)


def sections_of(
    run: Contents, baseline: Contents | None = None, prefix: str = ""
) -> list[Section]:
    """All sections of a training of which there is something to show.

    Args:
        run: The training.
        baseline: The training to compare with, of the same classes.
        prefix: Beginning of the names of links, of several trainings on one page.
    """
    others = [baseline] if baseline else []
    bodies: list[tuple[str, str, Html | None]] = [
        ("curves", "Curves", draw_curves(run)),
        ("classes", "Classes", class_table(run, baseline)),
        ("confusion", "Confusions", confusion_table(run)),
        ("images", "Images", draw_images(run, others)),
        ("labels", "Confidence and labels", label_quality(run)),
        ("data", "Data", _data(run)),
        ("training", "The training", _training(run)),
        ("warnings", "Warnings", _warnings(run)),
        ("origin", "Command, versions, config", _origin(run)),
    ]
    return [
        Section(f"{prefix}{key}", title, body)
        for key, title, body in bodies
        if body is not None
    ]


def lead(run: Contents) -> str:
    """What was trained, in a sentence or two."""
    facts = run.facts
    sources = (facts.data or {}).get("sources") or {}
    parts = [f"{facts.topics.get('model', 'A model')} learned"]
    if facts.method:
        parts.append(f"with the method {facts.method}")
    labeled = sources.get("labeled")
    if labeled:
        parts.append(f"from {labeled['images']} images with masks")
        rest = [f"{s['images']} {n}" for n, s in sources.items() if n != "labeled"]
        if rest:
            parts.append(f"and {' and '.join(rest)} ones")
    if not facts.topics:
        return "Nothing but the log tells of this training."
    if facts.iterations:
        parts.append(f"for {facts.iterations} iterations")
    sentence = f"{' '.join(parts)}."
    if facts.predicts:
        sentence += f" The {facts.predicts} predicts."
    return sentence


def numbers(run: Contents, baseline: Contents | None = None) -> Html:
    """The figures that matter, as cards.

    Args:
        run: The training.
        baseline: The training to compare with.
    """
    cards: list[tuple[str, Any]] = []
    if run.last is not None:
        name = run.network if len(run.log.scores) > 1 else "last validation"
        cards.append((f"mIoU, {name}", one_digit(run.last)))
        if baseline is not None and baseline.last is not None:
            cards.append(
                (f"gain over {baseline.title}", difference(run.last, baseline.last))
            )
        if run.best is not None:
            step, value = run.best
            cards.append((f"best, at {step}", one_digit(value)))
        for network in run.log.scores:
            if network != run.network:
                cards.append((f"mIoU, {network}", one_digit(run.curve(network)[-1][1])))
    elif run.other is not None:
        cards.append((run.other[0], one_digit(run.other[1])))
    else:
        cards.append(("mIoU", "not validated"))
    total = run.facts.iterations
    done = f"{run.iteration}" + (f" of {total}" if total else "")
    cards.append(("iterations", done))
    if run.log.seconds:
        cards.append(("time of the steps", duration(run.log.seconds)))
    if run.log.gpu_memory:
        cards.append(("GPU memory", f"{run.log.gpu_memory / 1000:.1f} GB"))
    return el(
        "ul",
        *(el("li", el("span", name), el("b", value)) for name, value in cards),
        class_="numbers",
    )


def notices(run: Contents, prefix: str = "") -> Html | None:
    """Lines about what a reader must not miss: no end, NaN, warnings.

    Args:
        run: The training.
        prefix: Beginning of the names of links.
    """
    lines: list[Any] = []
    facts = run.facts
    if facts.starts and not facts.finished:
        lines.append(
            f"Not finished: {run.iteration} of {facts.iterations} iterations were done "
            f"at {facts.time}, when this was recorded."
        )
    broken = not_finite(run.points)
    if broken:
        first = ", ".join(
            f"{key} from iteration {step}" for key, step in broken.items()
        )
        lines.append(f"Not a finite number: {first}.")
    if run.warnings:
        count = len(run.warnings)
        noun = "warning" if count == 1 else "different warnings"
        link = el("a", f"{count} {noun}", href=f"#{prefix}warnings")
        lines.append(join([link, " in the log."]))
    if not lines:
        return None
    return join(el("p", line, class_="callout") for line in lines)


def _data(run: Contents) -> Html | None:
    parts: list[Html] = []
    data = run.facts.data
    if data:
        parts += _sources(data)
    picture = whole_picture(run.folder / FIRST_BATCH, "views of the first batch")
    if picture is not None:
        parts.append(details("The first batch, with all views", picture))
    return join(parts) if parts else None


def _sources(data: dict[str, Any]) -> Iterable[Html]:
    rows = []
    for name, source in data["sources"].items():
        per_step = source["per_step"]
        shown = "" if per_step is None else f"{per_step:g}"
        rows.append([name, str(source["images"]), shown, source["sizes"]])
    if data["validated"] is not None:
        rows.append(["(validation)", str(data["validated"]), "", ""])
    head = ["source", "images", "in a step", "size of files, height x width"]
    yield table(head, rows, (1, 2))
    if data["classes"]:
        read = f"{data['masks_read']} of {data['masks']} masks, until each was seen"
        if data["masks_read"] == data["masks"]:
            read = f"all {data['masks']} masks"
        yield el("h3", "Classes in the masks")
        classes = [
            [one["name"], str(one["images"]), f"{100 * one['share']:.2f}"]
            for one in data["classes"]
        ]
        yield table(["class", "masks with it", "pixels, %"], classes, (1, 2))
        yield el("p", f"Counted in {read}.", class_="note")
    if data["warnings"]:
        items = (el("li", text) for text in data["warnings"])
        yield el("ul", *items, class_="warnings")


def _training(run: Contents) -> Html | None:
    topics = run.facts.topics.items()
    shown = [(name, text) for name, text in topics if name not in SPARE]
    return terms(shown) if shown else None


def _warnings(run: Contents) -> Html | None:
    if not run.warnings:
        return None
    items = []
    for message, count in run.warnings.items():
        times = el("span", f" ({count} times)", class_="note") if count > 1 else None
        items.append(el("li", message, times))
    return el("ul", *items, class_="warnings")


def _origin(run: Contents) -> Html | None:
    parts: list[Html] = []
    starts = run.facts.starts
    if starts:
        last = starts[-1]
        parts.append(el("pre", last["command"]))
        versions = ", ".join(f"{name} {v}" for name, v in last["versions"].items())
        parts.append(
            terms(
                [
                    ("commit", last["commit"] or "not known"),
                    ("machine", last["machine"]),
                    ("versions", versions),
                    ("work-dir", str(run.folder)),
                ]
            )
        )
    if len(starts) > 1:
        rows = [
            [s["time"], str(s["iteration"]), s["commit"] or "", s["command"]]
            for s in starts
        ]
        head = ["time", "after iteration", "commit", "command"]
        parts.append(details(f"All {len(starts)} starts", table(head, rows, (1,))))
    if run.config:
        name = run.facts.config or "config"
        parts.append(details(f"The config, {name}", el("pre", run.config)))
    return join(parts) if parts else None


def all_sections(sections: Sequence[Section]) -> Iterable[Section]:
    """Sections with all below them, in order."""
    for section in sections:
        yield section
        yield from all_sections(section.inner)
