"""The screen that a dry run prints."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_semisup.datasets.checks.report import duration

from .step import Taken
from .survey import Survey

WIDTH = 100
LOSSES = 24


@dataclass
class Report:
    """All that a dry run has found.

    Attributes:
        title: The first line.
        survey: Its data.
        views: View to the source that makes it.
        readers: View to its readers.
        per_step: Images of each source in a step of one process.
        taken: The step; None: none was taken.
        starts: Name of an objective, or of one and its branch, to its start as text, if
            that is not 0.
        loading: Seconds of loading the batch in one process.
        workers: Processes of the data loader; 0: the training's own loads.
        processes: Processes of the training.
        iterations: Iterations of the training; 0: not known.
        done: Number of those that are done.
        resume: What resuming would do.
        picture: The picture that was written, or the reason why not.
        notes: Sentences on what the composition of the config decided.
        warnings: Sentences in addition to the survey's.
    """

    title: str
    survey: Survey
    views: Mapping[str, str] = field(default_factory=dict)
    readers: Mapping[str, Sequence[str]] | None = None
    per_step: Mapping[str, float] = field(default_factory=dict)
    taken: Taken | None = None
    starts: Mapping[str, str] = field(default_factory=dict)
    loading: float | None = None
    workers: int = 0
    processes: int = 1
    iterations: int = 0
    done: int = 0
    resume: str = ""
    picture: Path | str = ""
    notes: Sequence[str] = ()
    warnings: list[str] = field(default_factory=list)

    def text(self, warnings: bool = True) -> str:
        """The screen, at most :data:`WIDTH` columns wide.

        Args:
            warnings: Whether it ends with the warnings.
        """
        lines = [self.title, *self._sources(), *self._losses()]
        for note in self.notes:
            lines += _wrapped("  note     ", note)
        classes = self.survey.classes
        entries = {
            "classes": classes.text() if classes else "no masks",
            "memory": self._memory(),
            "time": self._time(),
            "resume": self.resume,
            "picture": str(self.picture),
        }
        for key, value in entries.items():
            if value:
                lines += _wrapped(f"  {key:<9}", value)
        for table in self.survey.tables:
            lines += [f"  {line}" for line in table.splitlines()]
        for text in self.all_warnings if warnings else ():
            lines += _wrapped("  warning: ", text)
        return "\n".join(lines)

    def facts(self) -> dict[str, Any]:
        """The data, as ``report.json`` has it: :mod:`mmseg_semisup.report.facts`."""
        found = self.survey
        counts = found.classes
        classes = []
        if counts is not None:
            columns = (counts.names, counts.images, counts.shares)
            classes = [
                {"name": str(name), "images": int(images), "share": float(share)}
                for name, images, share in zip(*columns, strict=False)
            ]
        return {
            "sources": {
                name: {
                    "images": images,
                    "per_step": self.per_step.get(name),
                    "sizes": found.sizes[name].text(),
                }
                for name, images in found.images.items()
            },
            "validated": found.validated,
            "masks": counts.total if counts else 0,
            "masks_read": counts.read if counts else 0,
            "classes": classes,
            "warnings": self.all_warnings,
        }

    @property
    def all_warnings(self) -> list[str]:
        """The sentences about probable mistakes."""
        return [*self.survey.warnings, *self.warnings]

    def _sources(self) -> list[str]:
        lines = [
            f"  {'source':<14}{'images':>8}{'a step':>8}  size of files, and views"
        ]
        for name, images in self.survey.images.items():
            count = f"{self.per_step[name]:g}" if name in self.per_step else "-"
            head = f"  {name:<14}{images:>8}{count:>8}  "
            lines.append(head + (self.survey.sizes[name].text() or "size not known"))
            for view in (v for v, maker in self.views.items() if maker == name):
                lines += _wrapped(" " * 34, self._view(view))
        if self.survey.validated is not None:
            lines.append(f"  {'(validation)':<14}{self.survey.validated:>8}")
        return lines

    def _view(self, view: str) -> str:
        size = self.taken.sizes.get(view) if self.taken else None
        shown = f" {size[1]}x{size[2]}" if size else ""
        if self.readers is None:
            return f"{view}{shown}"
        readers = ", ".join(self.readers.get(view, ())) or "nobody"
        return f"{view}{shown}, read by {readers}"

    def _losses(self) -> list[str]:
        if self.taken is None:
            return []
        total = "; one step, all objectives on, on a copy"
        lines = [f"  losses and figures{total}"]
        for name, value in list(self.taken.losses.items())[:LOSSES]:
            start = self._start(name)
            begins = f"   counts {start}" if start else ""
            lines.append(f"    {name:<40}{value:>12.5g}{begins}")
        left = len(self.taken.losses) - LOSSES
        return lines + ([f"    ... and {left} more"] if left > 0 else [])

    def _start(self, name: str) -> str:
        """The start of a loss, by its name in the log."""
        owner, _, loss = name.partition(".")
        if "loss" not in loss:
            return ""
        branch = loss.removeprefix("loss_")
        return self.starts.get(f"{owner}.{branch}", self.starts.get(owner, ""))

    def _memory(self) -> str:
        if self.taken is None or self.taken.megabytes != self.taken.megabytes:
            return ""
        gigabytes = self.taken.megabytes / 1e3
        if self.taken.device.type == "cuda":
            return f"{gigabytes:.2f} GB allocated on the GPU at the peak of a step"
        return f"{gigabytes:.2f} GB more than before the step, at its peak (CPU)"

    def _time(self) -> str:
        if self.taken is None or self.loading is None:
            return ""
        step, loading = self.taken.seconds, self.loading
        text = f"{step:.3g} s a step, {loading:.3g} s to load its images"
        if self.workers:
            text += f" (by {self.workers} workers: {loading / self.workers:.3g} s)"
        if not self.iterations:
            return text
        pace = max(step, loading / self.workers) if self.workers else step + loading
        left = self.iterations - self.done
        seconds = pace * left
        then = time.strftime("%a %d %b %H:%M", time.localtime(time.time() + seconds))
        return (
            f"{text}; {left} iterations: about {duration(seconds)}, until {then}, "
            "validations not counted"
        )


def _wrapped(head: str, text: str) -> list[str]:
    indent = " " * min(len(head), 34)
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
