"""The result of the checks, and its text."""

from __future__ import annotations

from dataclasses import dataclass

from mmseg_semisup.core.terminal import printable

from .parts import Part
from .problem import KINDS, Problem


@dataclass
class DataReport:
    """The result of the checks.

    Attributes:
        parts: All sources that could be built.
        problems: Mistakes that must be corrected before training.
        warnings: Mistakes that are allowed.
        seconds: Duration of the checks.
    """

    parts: list[Part]
    problems: list[Problem]
    warnings: list[Problem]
    seconds: float = 0.0

    def text(self, limit: int = 10) -> str:
        """The report, with at most ``limit`` lines for each kind of problem."""
        lists = ", ".join(f"{part.name} {len(part.items)}" for part in self.parts)
        number = len(self.problems)
        lines = [
            f"Data: {lists or 'nothing could be loaded'} images; "
            f"{number or 'no'} problem{'' if number == 1 else 's'} "
            f"({duration(self.seconds)})"
        ]
        for title, found in (("", self.problems), ("Allowed: ", self.warnings)):
            for kind, heading in KINDS.items():
                texts = [problem.text for problem in found if problem.kind == kind]
                if texts:
                    lines.append(f"{title}{heading} ({len(texts)}):")
                    lines += [f"  {printable(text, keep='')}" for text in texts[:limit]]
                if len(texts) > limit:
                    lines.append(f"  ... and {len(texts) - limit} more")
        return "\n".join(lines)

    def table(self) -> str:
        """Images and share of pixels of each class, after the full check."""
        parts = [part for part in self.parts if part.images.any()]
        if not parts:
            return ""
        classes = parts[0].dataset.metainfo["classes"]
        head = "".join(f"{part.name + ' images':>20}{'pixels':>9}" for part in parts)
        lines = [f"{'class':<22}{head}"]
        for value, name in enumerate(classes):
            line = f"{value:>3} {name:<18}"
            for part in parts:
                known = part.pixels[: len(classes)]
                share = known[value] / max(known.sum(), 1)
                line += f"{part.images[value]:>20}{share:>9.2%}"
            lines.append(line)
        return "\n".join(lines)


def duration(seconds: float) -> str:
    """A duration in words."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes / 60:.1f} h"
