"""Means, gains and shares of a study's results."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from .plan import ALL_MASKS
from .selection import at_threshold

Result = Mapping[str, Any]
MANY = 6
"""Seeds from which on a test of significance can say anything: 2 / 2^6 is 0.03."""
TESTED = 16
"""Greatest number of seeds for which all signs are tried."""


@dataclass(frozen=True)
class Row:
    """The trainings of one method with one list of masks.

    Attributes:
        method: Name of the method.
        split: Name of the list.
        results: Their results, by ascending seed.
        baseline: Those of the baseline of equal iterations and the same list, by seed;
            empty: there is none, or it is one itself.
        ceiling: Those of the baseline with all masks, by seed.
        alike: Whether another list has as many images, so that only its name tells it
            apart.
    """

    method: str
    split: str
    results: Sequence[Result]
    baseline: Mapping[int, Result]
    ceiling: Mapping[int, Result]
    alike: bool = False

    @property
    def masks(self) -> str:
        """Number of labelled images: one, or the least and the greatest.

        The name of the list follows where the number does not tell it.
        """
        count = _count(self.results)
        return f"{count} {self.split}" if self.alike else count

    @property
    def network(self) -> str:
        """Network that predicts."""
        return str(self.results[0]["predicts"])

    def scores(self, what: str, network: str | None = None) -> list[float]:
        """'last' or 'best' mIoU of each seed.

        Args:
            what: Which one.
            network: Of which network; None: of that which predicts.
        """
        name = network or self.network
        found = (result["networks"].get(name) for result in self.results)
        return [scores[what] for scores in found if scores]

    def gains(self) -> list[float]:
        """Last mIoU less that of the baseline, seed by seed."""
        return [
            score(result) - score(self.baseline[result["seed"]])
            for result in self.results
            if result["seed"] in self.baseline
        ]

    def share(self) -> float | None:
        """Share of the headroom: mean gain by that of training with all masks.

        Only seeds count of which all three trainings are there.

        Returns:
            None if there are none, or all masks gain nothing.
        """
        triples = [
            (
                score(result),
                score(self.baseline[result["seed"]]),
                score(self.ceiling[result["seed"]]),
            )
            for result in self.results
            if result["seed"] in self.baseline and result["seed"] in self.ceiling
        ]
        room = sum(best - base for _, base, best in triples)
        gain = sum(own - base for own, base, _ in triples)
        return gain / room if room > 0 else None

    def cost(self) -> float | None:
        """Time as a multiple of the baseline's, where one machine measured both.

        Returns:
            None if it did for no seed, or one of the two times is not known.
        """
        pairs = [
            (result, self.baseline[result["seed"]])
            for result in self.results
            if result["seed"] in self.baseline
        ]
        pairs = [pair for pair in pairs if len({_hardware(r) for r in pair}) == 1]
        for key in ("cpu_seconds", "seconds"):
            known = [(own[key], base[key]) for own, base in pairs]
            if pairs and all(own and base for own, base in known):
                return sum(o for o, _ in known) / sum(b for _, b in known)
        return None

    def memory(self) -> dict[str, float]:
        """'CPU' or 'GPU' to the greatest memory, in MB, of its trainings there."""
        found: dict[str, float] = {}
        for result in self.results:
            if result["memory_mb"]:
                device = result["device"]
                found[device] = max(found.get(device, 0.0), result["memory_mb"])
        return found

    def selection(self, key: str) -> float | None:
        """Mean of what :func:`~.selection.at_threshold` gives; None: unknown."""
        values = [at_threshold(result, key) for result in self.results]
        known = [value for value in values if value is not None]
        return fmean(known) if known else None

    def classes(self) -> dict[str, float]:
        """Class to its mean IoU of the last validation, over the seeds that have it."""
        found: dict[str, list[float]] = {}
        for result in self.results:
            for name, value in result["networks"][self.network]["classes"].items():
                found.setdefault(name, []).append(value)
        return {name: fmean(values) for name, values in found.items()}


def _hardware(result: Result) -> tuple[Any, ...]:
    return result["device"], result["machine"]


def _count(results: Sequence[Result]) -> str:
    found = sorted({result["masks"] for result in results})
    return "-".join(map(str, found[:1] + found[1:][-1:]))


def score(result: Result) -> float:
    """The headline of a training: last mIoU of the network that predicts."""
    return float(result["networks"][result["predicts"]]["last"])


def make_rows(record: Mapping[str, Any]) -> list[Row]:
    """Group the results of a study, in its order of lists and methods.

    Args:
        record: Its ``results.json``.
    """
    cells = sorted(record["cells"], key=lambda result: result["seed"])
    baselines = record["baselines"]
    groups: dict[tuple[str, str], list[Result]] = {}
    for cell in cells:
        groups.setdefault((cell["split"], cell["method"]), []).append(cell)
    order = [
        (split, method)
        for split in [*record["splits"], ALL_MASKS]
        for method in record["methods"]
        if (split, method) in groups
    ]
    counts = {split: _count(groups[split, method]) for split, method in order}
    several = Counter(counts.values())
    rows = []
    for split, method in order:
        results = groups[split, method]
        length = results[0]["iterations"]
        ceiling = [(ALL_MASKS, name) for name in baselines]
        if split == ALL_MASKS:
            # Its gain is the headroom of the only list.
            only = record["splits"] if len(record["splits"]) == 1 else []
            others, ceiling = [(name, method) for name in only], []
        elif method in baselines:
            others, ceiling = [], []
        else:
            others = [(split, name) for name in baselines]
        base = _of_length(others, groups, length)
        top = _of_length(ceiling, groups, length)
        alike = several[counts[split]] > 1 and split != ALL_MASKS
        rows.append(Row(method, split, results, base, top, alike))
    return rows


def _of_length(
    names: Sequence[tuple[str, str]],
    groups: Mapping[tuple[str, str], Sequence[Result]],
    iterations: int,
) -> dict[int, Result]:
    """The results of the first group with these iterations, by seed."""
    for name in names:
        found = [r for r in groups.get(name, ()) if r["iterations"] == iterations]
        if found:
            return {result["seed"]: result for result in found}
    return {}


def spread(values: Sequence[float]) -> float | None:
    """Standard deviation of a sample; None for fewer than two values."""
    return stdev(values) if len(values) > 1 else None


def p_value(gains: Sequence[float]) -> float | None:
    """Two-sided p of 'the method changes nothing', by all signs of the gains.

    If the method changed nothing, each seed's gain would have either sign with equal
    chance. p is the share of all sign patterns whose sum is as far from zero.

    Args:
        gains: One for each seed.

    Returns:
        None below :data:`MANY` seeds, of which no pattern is rare, and above
        :data:`TESTED`.

    >>> p_value([1.0, 2.0, 1.5]) is None
    True
    >>> p_value([1.0, 2.0, 1.5, 0.5, 3.0, 2.5])
    0.03125
    """
    if not MANY <= len(gains) <= TESTED:
        return None
    seen = abs(math.fsum(gains)) - 1e-9
    patterns = itertools.product((1, -1), repeat=len(gains))
    sums = [
        abs(math.fsum(s * g for s, g in zip(p, gains, strict=True))) for p in patterns
    ]
    return sum(value >= seen for value in sums) / len(sums)
