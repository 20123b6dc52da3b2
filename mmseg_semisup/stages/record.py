"""``stages.json``: which stages of a work-dir have begun, and which are finished."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.distributed import on_main
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.fingerprint import (
    COMPOSED_FROM,
    differences,
    fingerprint_of_start,
    to_plain,
)
from mmseg_semisup.core.records import RecordError, check_form, read_record
from mmseg_semisup.core.text import shorten

from .plan import Stage

FILE = "stages.json"
VERSION = 1
STAGE = {
    "config": {str: object},
    "learned_from?": (str, None),
    "uses?": [[str]],
    "finished?": bool,
    "checkpoints?": {str: object},
    "hashes?": {str: str},
}
"""Form of a stage, see :mod:`~mmseg_semisup.core.records`."""
EVALUATED = (
    "data_preprocessor",
    "model",
    "test_cfg",
    "test_dataloader",
    "test_evaluator",
)
"""Top-level keys that an evaluation depends on."""


class Record:
    """The progress of a training in stages, stored in its work-dir.

    Args:
        work_dir: Work-dir of the whole training.

    Raises:
        ConfigError: If its record cannot be read.
    """

    def __init__(self, work_dir: str | Path) -> None:
        self.work_dir = Path(work_dir)
        self.path = self.work_dir / FILE
        self.stages: dict[str, dict[str, Any]] = {}
        if not os.path.lexists(self.path):
            return
        try:
            content = read_record(self.path, {"version": int})
            version = content["version"]
            if version != VERSION:
                raise ConfigError(
                    f"{self.path} has version {version}; allowed: {VERSION}"
                )
            check_form(content, {"stages": {str: STAGE}})
            stages = content["stages"]
            _check(stages)
        except RecordError as error:
            raise ConfigError(f"{self.path} is no record of stages: {error}") from error
        # A user who removes a stage's folder wants it trained again.
        self.stages = {k: v for k, v in stages.items() if (self.work_dir / k).is_dir()}

    def check(self, stages: Sequence[Stage], accept: bool = False) -> None:
        """Compare the stages with those that have begun.

        Args:
            stages: The stages of the config.
            accept: Whether a stage that is not finished may have another config now.

        Raises:
            ConfigError: If a stage that has begun has another config now, or none.
        """
        names = [stage.name for stage in stages]
        gone = [name for name in self.stages if name not in names]
        if gone:
            raise ConfigError(
                f"{self.path} tells of the stages {gone}, but the config has {names}; "
                f"give another --work-dir, or remove {self._folders(gone)}"
            )
        for index, stage in enumerate(stages):
            begun = self.stages.get(stage.name)
            if begun is None or not self._has_results(stage.name):
                continue
            before, now = _effective(begun["config"]), fingerprint(stage)
            changes = [*map(str, differences(before, now))]
            if changes and (self.is_finished(stage.name) or not accept):
                again = [name for name in names[index:] if name in self.stages]
                state = "finished" if self.is_finished(stage.name) else "begun"
                raise ConfigError(
                    f"stage {stage.name} was {state} with another config: "
                    f"{shorten(changes, 10)}. Undo the change, give another "
                    f"--work-dir, or remove {self._folders(again)} to train them again"
                )
            origins = [(name, digest) for name, _, digest in begun.get("uses", [])]
            if index and begun.get("learned_from") is not None:
                origins.append((names[index - 1], begun["learned_from"]))
            self._check_origins(stage, origins, names[index:])

    def _check_origins(
        self, stage: Stage, origins: Sequence[tuple[str, str]], after: Sequence[str]
    ) -> None:
        """Raise ConfigError if a stage was retrained after its weights were used."""
        for before, digest in origins:
            hashes = self.stages.get(before, {}).get("hashes", {})
            if digest not in hashes.values():
                again = [name for name in after if name in self.stages]
                raise ConfigError(
                    f"stage {stage.name} learned from an earlier {before}, which "
                    f"trains again now; remove {self._folders(again)}, too"
                )

    def is_finished(self, name: str) -> bool:
        """Whether a stage is finished."""
        return bool(self.stages.get(name, {}).get("finished"))

    def begin(
        self,
        stage: Stage,
        learned_from: str | None,
        uses: Sequence[tuple[str, str, str]] = (),
    ) -> None:
        """Note that a stage begins or goes on; call it when its folder exists.

        All processes call this method and :meth:`finish`; the main one writes.

        Args:
            stage: The stage.
            learned_from: Hash of the checkpoint that made its pseudo-masks, or None.
            uses: Checkpoints in its config, each as stage, 'last' or 'best', and hash.
        """
        entry: dict[str, Any] = {
            "config": fingerprint(stage),
            "learned_from": learned_from,
        }
        if uses:
            entry["uses"] = [list(use) for use in uses]
        self.stages[stage.name] = entry
        on_main(self._write)

    def finish(
        self, name: str, checkpoints: Mapping[str, str], hashes: Mapping[str, str]
    ) -> None:
        """Note that a stage is finished.

        Args:
            name: Name of the stage.
            checkpoints: 'last' and, if there is one, 'best': names of files in its
                folder.
            hashes: SHA-256 of each of them.
        """
        self.stages[name].update(
            finished=True, checkpoints=dict(checkpoints), hashes=dict(hashes)
        )
        on_main(self._write)

    def checkpoint(self, name: str, which: str) -> tuple[Path, str]:
        """A checkpoint of a finished stage, and its hash.

        Args:
            name: Name of the stage.
            which: 'last' or 'best'.

        Raises:
            ConfigError: If the file no longer exists.
        """
        entry = self.stages[name]
        file = entry["checkpoints"].get(which)
        if file is None:
            raise ConfigError(f"stage {name} has no {which} checkpoint")
        if not _is_plain(name, file):
            raise ConfigError(
                f"{self.path}: {file!r} of stage {name} is no name of a file in its "
                "folder"
            )
        path = self.work_dir / name / file
        if not path.is_file():
            raise ConfigError(
                f"stage {name} is finished, but its checkpoint {path} is gone"
            )
        return path, entry["hashes"][which]

    def _has_results(self, name: str) -> bool:
        """Whether a stage has written a checkpoint or a pseudo-mask."""
        folder = self.work_dir / name
        patterns = ("*.pth", "pseudo_masks/masks/*")
        return self.is_finished(name) or any(
            next(folder.glob(pattern), None) for pattern in patterns
        )

    def _folders(self, names: Sequence[str]) -> str:
        return " and ".join(str(self.work_dir / name) for name in names)

    def _write(self) -> None:
        content = {"version": VERSION, "stages": self.stages}
        atomic_write(self.path, json.dumps(content, indent=1).encode())


def fingerprint(stage: Stage) -> dict[str, Any]:
    """The part of a stage's config that its result depends on, for JSON."""
    content = stage.cfg._cfg_dict.to_dict()
    if stage.task == "evaluate":
        kept = {k: v for k, v in content.items() if k in EVALUATED}
        return to_plain(kept)
    plain = _effective(fingerprint_of_start(content))
    if stage.masks is not None:
        plain["pseudo_masks"] = to_plain(stage.masks.stated() | {"threads": None})
    return plain


def _effective(config: Mapping[str, Any]) -> dict[str, Any]:
    """A fingerprint without what all stages are composed of.

    A stage does not depend on what the source says of others. Older records have it.
    """
    return {k: v for k, v in config.items() if k not in COMPOSED_FROM}


def _check(stages: Mapping[str, Any]) -> None:
    """Raise RecordError for stages of the right form that say impossible things."""
    for name, entry in stages.items():
        if not _is_plain(name, *entry.get("hashes", ())):
            raise RecordError(
                f"stages.{name}: a stage and its checkpoints are plain names in the "
                "work-dir"
            )
        if any(len(use) != 3 for use in entry.get("uses", ())):
            raise RecordError(
                f"stages.{name}.uses has no lists of stage, checkpoint and hash"
            )
        hashes, files = entry.get("hashes", {}), entry.get("checkpoints", {})
        if set(hashes) != set(files):
            raise RecordError(f"stages.{name}.hashes has other names than checkpoints")
        if entry.get("finished") and not files:
            raise RecordError(f"stages.{name}.checkpoints is missing")


def _is_plain(*names: Any) -> bool:
    """Whether names are plain file names, so that they cannot leave their folder."""
    return all(isinstance(n, str) and Path(n).name == n and n != ".." for n in names)
