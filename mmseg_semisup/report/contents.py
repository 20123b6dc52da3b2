"""Everything that a work-dir holds of a training."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_semisup.core.errors import ConfigError, StoreError
from mmseg_semisup.core.plain_files import read_plain
from mmseg_semisup.core.text import compare_names, shorten
from mmseg_semisup.engine.progress_log import is_class_score
from mmseg_semisup.models.network_names import STUDENT
from mmseg_semisup.pseudo_masks.quality import read_quality
from mmseg_semisup.visualization.training_curves import CLASSES, SCORE, Points

from .facts import Facts, read_facts
from .log import Log, read_log, read_points
from .validation import Validation, read_validation
from .warnings import read_warnings

STORE = "pseudo_masks"
OTHER_SCORES = ("mAP", "AUC", "F1", "mDice", "mFscore", "aAcc", "mAcc")
"""Scores beside mIoU, in percent; the first ones matter more."""
LONGEST_CONFIG = 200_000
"""Characters of a config that are shown."""


@dataclass
class Contents:
    """A training, as its work-dir shows it.

    Attributes:
        folder: The work-dir.
        title: Its name, unlike those of others on the page.
        facts: What the training said of itself.
        log: Scores, time and memory.
        points: All logged figures, by iteration.
        validation: The last validation; None: nothing was kept of it.
        config: Text of the config.
        warnings: Warnings of the log, and how often each was logged.
        quality: Quality of the pseudo-masks in its work-dir, by source.
    """

    folder: Path
    title: str
    facts: Facts = field(default_factory=Facts)
    log: Log = field(default_factory=Log)
    points: Points = field(default_factory=dict)
    validation: Validation | None = None
    config: str = ""
    warnings: dict[str, int] = field(default_factory=dict)
    quality: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def network(self) -> str:
        """Name of the network that predicts, in the log."""
        name = self.facts.predicts
        known = list(self.log.scores)
        if name in known or not known:
            return name or STUDENT
        return max(known, key=lambda other: self.curve(other)[-1][1])

    def curve(self, network: str | None = None) -> list[tuple[int, float]]:
        """Iteration and mIoU in percent of a network; None: that which predicts."""
        name = self.network if network is None else network
        return list(self.log.scores.get(name, {}).items())

    @property
    def last(self) -> float | None:
        """Last mIoU in percent of the network that predicts; None: not validated."""
        curve = self.curve()
        return curve[-1][1] if curve else None

    @property
    def other(self) -> tuple[str, float] | None:
        """Name and last value of a score of a training that has no mIoU."""
        for values in reversed(self.points.values()):
            for key, value in values.items():
                if is_other_score(key):
                    return key, value
        return None

    @property
    def best(self) -> tuple[int, float] | None:
        """Iteration and value of its best mIoU."""
        curve = [(step, value) for step, value in self.curve() if value == value]
        return max(curve, key=lambda pair: pair[1]) if curve else None

    @property
    def iteration(self) -> int:
        """Iterations that are done, as far as known."""
        last = max(self.points, default=0)
        return max(self.facts.iteration, self.log.iteration, last)

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in order as far as known."""
        if self.facts.classes:
            return self.facts.classes
        found: dict[str, None] = {}
        for values in self.points.values():
            for key in values:
                _, mark, name = f"/{key}".partition(f"/{CLASSES}")
                if mark:
                    found[name] = None
        return list(found)

    @property
    def ious(self) -> dict[str, float]:
        """Class to its last IoU in percent, of the network that predicts."""
        return self.log.classes.get(self.network, {})


def read_contents(folder: str | Path, title: str | None = None) -> Contents:
    """Read a work-dir, also while the training runs, or after it was killed.

    Args:
        folder: The work-dir.
        title: Name of the training; None: that of the folder.

    Raises:
        ConfigError: If the folder holds nothing of a training.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ConfigError(f"there is no work-dir {folder}")
    facts = read_facts(folder)
    try:
        points = read_points(folder, facts.since)
        log = read_log(folder, since=facts.since)
    except OSError as error:
        raise ConfigError(str(error)) from error
    if not points and not facts.starts:
        raise ConfigError(
            f"{folder} holds no training: it has neither a report.json nor figures in "
            "a */vis_data/scalars.json, as the LocalVisBackend writes them"
        )
    found = Contents(
        folder=folder,
        title=title or folder.resolve().name,
        facts=facts,
        log=log,
        points=points,
        validation=read_validation(folder),
        config=_config(folder, facts),
        warnings=read_warnings(folder, facts.since),
    )
    with contextlib.suppress(StoreError):
        found.quality = read_quality(folder / STORE)
    _check_validation(found)
    return found


def _check_validation(found: Contents) -> None:
    """Leave out a validation of an earlier training, or of other classes."""
    validation = found.validation
    if validation is None:
        return
    side = len(found.facts.classes)
    table = validation.confusion
    fits = table is None or table.shape == (side, side)
    if not fits or not found.facts.starts or validation.iteration > found.iteration:
        found.validation = None


def _config(folder: Path, facts: Facts) -> str:
    names = [facts.config] if facts.config else []
    if not names:
        names = sorted(path.name for path in folder.glob("*.py"))[:1]
    for name in names:
        if Path(name).name != name:
            continue
        with contextlib.suppress(OSError):
            text = read_plain(folder / name).decode("utf-8", "replace")
            return text[:LONGEST_CONFIG]
    return ""


def check_classes(one: Contents, other: Contents, role: str) -> None:
    """Refuse to compare trainings of different classes.

    Args:
        one: A training.
        other: The one that it is compared with.
        role: What that one is, for the message.

    Raises:
        ConfigError: If their classes differ.
    """
    own, others = one.classes, other.classes
    if not own or not others:
        return
    if one.facts.classes and other.facts.classes:
        different = compare_names(own, others)
    else:
        # A log leaves out the order.
        missing = sorted(set(own) ^ set(others))
        different = f"only one of them has {shorten(missing)}" if missing else ""
    if different:
        raise ConfigError(
            f"{role} {other.folder}: its classes are not those of {one.folder}: "
            f"{different}"
        )


def distinct_titles(folders: Sequence[Path]) -> list[str]:
    """Names of work-dirs: the shortest ends of their paths that differ."""
    paths = [folder.resolve() for folder in folders]
    for length in range(1, max((len(path.parts) for path in paths), default=1) + 1):
        names = ["/".join(path.parts[-length:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{path} ({number})" for number, path in enumerate(paths, 1)]


def is_other_score(key: str) -> bool:
    """Whether a logged figure is another score of all classes of a network."""
    return key.rpartition("/")[2] in OTHER_SCORES and not is_class_score(key)


def is_score(key: str) -> bool:
    """Whether a logged figure is the mIoU of a network."""
    return f"/{key}".endswith(f"/{SCORE}")
