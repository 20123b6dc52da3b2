"""Finds the checkpoint that a training resumes from, and checks that it is whole."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from .checkpoint import load_checkpoint_file
from .checkpoint_contents import find_fault
from .errors import CheckpointError, ConfigError
from .plain_files import read_plain


def check_folder(cfg: Mapping[str, Any]) -> None:
    """Raise ConfigError for a config that writes checkpoints outside its work-dir.

    Args:
        cfg: The config of a training.

    Raises:
        ConfigError: If its checkpoints do not go into its work-dir.
    """
    hook = (cfg.get("default_hooks") or {}).get("checkpoint") or {}
    if hook.get("out_dir") is not None:
        raise ConfigError(
            f"default_hooks.checkpoint.out_dir={hook['out_dir']!r}: checkpoints are "
            "looked for in the work-dir only; leave it out and say --work-dir"
        )


def find_last_checkpoint(work_dir: str | Path) -> Path | None:
    """The newest checkpoint, also in a work-dir that was moved or copied.

    Args:
        work_dir: Work-dir of an earlier training.

    Returns:
        The checkpoint that ``last_checkpoint`` names, else that of the latest
        iteration, else None.
    """
    return next(iter(list_checkpoints(work_dir)), None)


def find_whole_checkpoint(
    work_dir: str | Path,
    report: Callable[[str], None],
    trust: bool = False,
    ignored: Collection[Path] = (),
) -> Path | None:
    """The newest checkpoint that a training can resume from.

    Args:
        work_dir: Work-dir of an earlier training.
        report: Called with a line about each checkpoint that is passed over.
        trust: As in :func:`load_checkpoint_file`.
        ignored: Checkpoints that are passed over without a word.

    Returns:
        The checkpoint; None if there is none at all.

    Raises:
        ConfigError: If there are checkpoints, but no whole one.
    """
    problems = []
    foreign = _named(Path(work_dir))
    if foreign is not None and not _is_inside(foreign, Path(work_dir)):
        here = Path(work_dir) / foreign.name
        # Path() leaves one slash of the two in an address.
        if foreign.is_file() and not here.is_file() or ":/" in str(foreign):
            report(
                f"passed over: {work_dir}/last_checkpoint names {foreign}, which is "
                "not in this folder; if you mean it, give it to --resume"
            )
    for path in list_checkpoints(work_dir):
        if path in ignored:
            continue
        try:
            if path.exists() and not _is_inside(path, Path(work_dir)):
                raise CheckpointError(
                    f"{path} is a link to {path.resolve()}, outside of this folder; if "
                    "you mean it, give it to --resume"
                )
            check_whole(path, trust)
        except CheckpointError as error:
            problems.append(str(error))
            report(f"passed over: {error}")
        else:
            if problems:
                report(f"training goes on from the newest whole checkpoint, {path}")
            return path
    if problems:
        raise ConfigError(
            f"--resume: no checkpoint in {work_dir} can be used: "
            f"{'; '.join(problems)}. Without --resume, training starts anew"
        )
    return None


def list_checkpoints(work_dir: str | Path) -> list[Path]:
    """All checkpoints of a training, in the order in which resuming tries them.

    Args:
        work_dir: Work-dir of an earlier training.

    Returns:
        The checkpoint that ``last_checkpoint`` names, searched in the work-dir only;
        then the others by iteration, the latest first. Those of later iterations than
        the named one come last, as an earlier training left them.
    """
    work_dir = Path(work_dir)
    numbers = {
        path: int(match.group(1))
        for path in work_dir.glob("*.pth")
        if (match := re.fullmatch(r"(?:iter|epoch)_(\d+)\.pth", path.name))
    }
    newest = sorted(numbers, key=numbers.__getitem__, reverse=True)
    named = _named(work_dir)
    if named is None:
        return newest
    here = work_dir / named.name
    limit = numbers.get(here, float("inf"))
    inside = [named] if _is_inside(named, work_dir) else []
    first = next((path for path in (*inside, here) if path.is_file()), None)
    others = [path for path in newest if path not in (named, here)]
    others.sort(key=lambda path: numbers[path] > limit)
    return others if first is None else [first, *others]


def check_whole(path: str | Path, trust: bool = False) -> None:
    """Read all of a checkpoint, and check that a training can resume from it.

    Args:
        path: The file.
        trust: As in :func:`load_checkpoint_file`.

    Raises:
        CheckpointError: If it is damaged, or holds no training; the message names it.
    """
    path = Path(path)
    content = load_checkpoint_file(path, "cpu", trust)
    if trust:
        _check_sums(path)
    fault = find_fault(content)
    if fault is not None:
        raise CheckpointError(
            f"{path} is not of a training that can go on: {fault}; --load-from takes "
            "the weights only"
        )


def _check_sums(path: Path) -> None:
    """Compare the checksums of an archive, which Python's pickle does not."""
    damaged = None
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
    except Exception as error:
        # A damaged directory ends in almost any exception.
        raise CheckpointError(f"{path} is damaged: {error}") from error
    if damaged is not None:
        raise CheckpointError(
            f"{path} is damaged: its part {damaged} has another checksum"
        )


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a file lies in a folder or below it."""
    return path.resolve().is_relative_to(folder.resolve())


def _named(work_dir: Path) -> Path | None:
    """The path in ``last_checkpoint``; None if that is missing or empty."""
    try:
        content = read_plain(work_dir / "last_checkpoint")
    except OSError:
        return None
    # The work-dir may have any bytes in its name but 0.
    name = os.fsdecode(content.strip(b"\0 \n"))
    return Path(name) if name else None
