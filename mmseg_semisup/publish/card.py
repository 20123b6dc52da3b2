"""Writes the model card of a network: what it is, how it was made, and its limits.

The head is YAML of the Hugging Face hub (huggingface.co/docs/hub/model-cards). Values
in it are JSON, which is YAML, too.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from mmseg_semisup.core.terminal import printable
from mmseg_semisup.study.gains import spread
from mmseg_semisup.study.table import better, gain
from mmseg_semisup.version import __version__

from .facts import Facts, Source

WEAK = 50.0
"""IoU in percent below which a class is listed among the limits."""
USE = """\
```python
from mmseg.apis import inference_model, init_model
model = init_model('config.py', 'model.pth', device='cpu')
result = inference_model(model, 'photo.jpg')
```

```bash
mmseg-semisup predict config.py model.pth photos --out predictions
```
"""


def model_card(
    facts: Facts,
    title: str,
    files: Mapping[str, str],
    licence: str = "",
    own_parts: bool = False,
    with_package: str = "",
) -> str:
    """The text of ``README.md``.

    Args:
        facts: What is known of the network.
        title: Its name.
        files: Name of each file to its SHA-256.
        licence: The hub's identifier of its licence; '' if nobody has chosen one.
        own_parts: Whether it needs mmseg_semisup.
        with_package: What else it needs, in words.
    """
    parts = [
        _head(facts, title, licence),
        f"# {escaped(title)}",
        _summary(facts, own_parts, with_package),
        f"## Use\n\n{USE}".rstrip(),
        f"## Training\n\n{_training(facts)}",
        f"## Scores\n\n{_scores(facts)}",
        f"## Limits\n\n{_limits(facts)}",
        f"## Licence\n\n{_licence(facts, licence)}",
        f"## Files\n\n{_files(files)}",
    ]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """A text that is no markup in Markdown or HTML, in one line."""
    plain = html.escape(printable(" ".join(text.split()), keep=""), quote=False)
    return re.sub(r"([\\`*_{}\[\]()#+!|~-])", r"\\\1", plain)


def _head(facts: Facts, title: str, licence: str) -> str:
    content: dict[str, Any] = {
        "library_name": "mmsegmentation",
        "pipeline_tag": "image-segmentation",
        "tags": ["semantic-segmentation", "semi-supervised", "mmseg-semisup"],
    }
    if licence:
        content["license"] = licence
    shown = _shown(facts)
    if shown is not None and facts.validation is not None:
        metric = {"type": "mean_iou", "value": round(facts.scores[shown], 2)}
        dataset = facts.validation.dataset
        result = {
            "task": {"type": "image-segmentation"},
            "dataset": {"name": dataset, "type": dataset},
            "metrics": [{**metric, "name": "mIoU"}],
        }
        content["model-index"] = [{"name": title, "results": [result]}]
    lines = [f"{key}: {json.dumps(value)}" for key, value in content.items()]
    return "\n".join(["---", *lines, "---"])


def _summary(facts: Facts, own_parts: bool, with_package: str) -> str:
    architecture = ", ".join(map(escaped, facts.architecture))
    classes = ", ".join(map(escaped, facts.classes))
    needs = "mmsegmentation and mmseg_semisup" if own_parts else "mmsegmentation"
    lines = [
        f"A network for semantic segmentation into {len(facts.classes)} classes: "
        f"{classes}.",
        "",
        f"- Architecture: {architecture}",
        f"- Network of the training: {escaped(facts.network)}",
        f"- It needs {needs}{with_package}.",
    ]
    return "\n".join(lines)


def _training(facts: Facts) -> str:
    rows = [("method", escaped(facts.method))]
    rows += [(f"images: {escaped(s.name)}", _images(s)) for s in facts.sources]
    if facts.validation is not None:
        rows.append(("images: validation", _images(facts.validation)))
    length = "not known" if facts.iterations is None else f"{facts.iterations:,}"
    if facts.iteration is not None:
        rows.append(("iteration of these weights", f"{facts.iteration:,} of {length}"))
    seed = "not known" if facts.seed is None else str(facts.seed)
    rows.append(("seed", seed))
    rows += _start(facts)
    rows.append(("made with", f"mmseg_semisup {__version__}"))
    return "\n\n".join([_table(("", ""), rows), *_classes(facts)])


def _start(facts: Facts) -> Iterator[tuple[str, str]]:
    """Where and with what the training ran last."""
    for start in facts.report.starts[-1:]:
        yield "last started", escaped(start["time"])
        yield "machine", escaped(start["machine"])
        if start["commit"]:
            yield "commit", escaped(start["commit"])
        versions = (f"{name} {value}" for name, value in start["versions"].items())
        yield "versions", escaped(", ".join(versions))


def _classes(facts: Facts) -> Iterator[str]:
    """What the masks of the training show."""
    data = facts.report.data
    if not data or not data["classes"]:
        return
    read, total = data["masks_read"], data["masks"]
    some = f"all {total:,}" if read == total else f"the {read:,} read (of {total:,})"
    rows = [
        (escaped(entry["name"]), f"{entry['images']:,}", f"{100 * entry['share']:.2f}")
        for entry in data["classes"]
    ]
    yield _table(("class", f"masks with it, of {some}", "share of pixels in %"), rows)


def _images(source: Source) -> str:
    count = "number not known" if source.images is None else f"{source.images:,}"
    return f"{count} ({escaped(source.dataset)})"


def _scores(facts: Facts) -> str:
    if not facts.scores:
        return "There is no log of a validation of this network."
    rows = [
        (name, f"{step:,}", f"{facts.scores[step]:.2f}") for name, step in _steps(facts)
    ]
    text = _table(("validation", "iteration", "mIoU in %"), rows)
    if facts.class_scores:
        classes = [(escaped(k), f"{v:.2f}") for k, v in facts.class_scores.items()]
        text += f"\n\n{_table(('class, last validation', 'IoU in %'), classes)}"
    return "\n\n".join([text, *_seeds(facts)])


def _seeds(facts: Facts) -> Iterator[str]:
    """The scores of all seeds of a study, and the gain over its baseline."""
    row = facts.study
    if row is None:
        return
    cells = {
        result["seed"]: f"{result['networks'][facts.network]['last']:.2f}"
        for result in row.results
        if facts.network in result["networks"]
    }
    if len(cells) > 1:
        head = ("seed", *map(str, cells))
        yield _table(head, [("mIoU in %, last validation", *cells.values())])
    if row.baseline and row.network == facts.network:
        (base, *_) = row.baseline.values()
        yield (
            f"Gain over {escaped(base['method'])} with the same masks, seeds and "
            f"iterations: {gain(row)}; seeds better: {better(row)}."
        )


def _steps(facts: Facts) -> Iterator[tuple[str, int]]:
    if facts.iteration in facts.scores:
        yield "these weights", facts.iteration
    if facts.last is not None and facts.best is not None:
        yield "last", facts.last
        yield "best", facts.best


def _shown(facts: Facts) -> int | None:
    """The iteration whose score belongs to the published weights."""
    return facts.iteration if facts.iteration in facts.scores else None


def _limits(facts: Facts) -> str:
    lines = [
        "Every pixel gets one of the classes above, also where an image shows "
        "something else.",
        "Images that differ from those of the training, in subject, camera or size, "
        "may be segmented worse than the scores say.",
        _spread(facts),
        "The confidence is the network's own, and is not calibrated.",
    ]
    if facts.report.starts and not facts.report.finished:
        lines.append("The training was not at its end when its report was written.")
    warnings = (facts.report.data or {}).get("warnings", ())
    if warnings:
        # Their words may name files that are not published.
        lines.append(
            f"The check of the data gave {len(warnings)} warning(s), which the "
            "training's own report has."
        )
    if any(source.name == "labeled" for source in facts.sources):
        (labeled, *_) = [s for s in facts.sources if s.name == "labeled"]
        if labeled.images is not None:
            lines.insert(0, f"{labeled.images:,} images had masks in the training.")
    weak = [escaped(k) for k, v in facts.class_scores.items() if v < WEAK]
    if weak:
        lines.append(f"IoU below {WEAK:.0f} %: {', '.join(weak)}.")
    missing = [escaped(c) for c in facts.classes if c not in facts.class_scores]
    if facts.class_scores and missing:
        lines.append(f"Not in the validation images: {', '.join(missing)}.")
    return "\n".join(f"- {line}" for line in lines)


def _spread(facts: Facts) -> str:
    """What is known of other trainings with the same config."""
    scores = facts.study.scores("last", facts.network) if facts.study else []
    deviation = spread(scores)
    if deviation is None:
        return (
            "One seed: another training differs by the spread between seeds, which is "
            "not measured here."
        )
    return (
        f"Trainings with {len(scores)} seeds have a mean mIoU of {fmean(scores):.1f} % "
        f"and a standard deviation of {deviation:.1f}."
    )


def _licence(facts: Facts, licence: str) -> str:
    lines = [
        f"Of these weights: {escaped(licence)}."
        if licence
        else "Nobody has stated a licence of these weights."
    ]
    for name, known in facts.started_from.items():
        stated = known or "not known; look it up before you pass these weights on"
        if known == "other":
            stated = "one of its publisher's own; read it before you pass these on"
        lines.append(f"Training began with {escaped(name)}, whose licence is {stated}.")
    return "\n".join(f"- {line}" for line in lines)


def _files(files: Mapping[str, str]) -> str:
    rows = [(f"`{name}`", f"`{value}`") for name, value in files.items()]
    return _table(("file", "SHA-256"), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
