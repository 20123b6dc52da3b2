"""Compares the training steps of two commits, measured in turn."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmseg_semisup.core.errors import ConfigError

ROOT = Path(__file__).parents[2]
HERE = "here"
ROUNDS = 3


def compare(arguments: Sequence[str], revision: str, root: Path = ROOT) -> str:
    """Run the benchmark at another commit and here, in turn.

    Args:
        arguments: Arguments of ``tools/benchmark.py``, without ``--json``.
        revision: The other commit, as git names it.
        root: A clone of the project, with the present state.

    Returns:
        A table with the medians of both, and their ratio.

    Raises:
        ConfigError: If git does not know the commit, or a measurement fails.
    """
    found: dict[str, list[dict[str, Any]]] = {revision: [], HERE: []}
    with (
        tempfile.TemporaryDirectory() as folder,
        checked_out(revision, Path(folder, "other"), root) as other,
    ):
        for number in range(ROUNDS):
            for name, tree in ((revision, other), (HERE, root)):
                print(f"round {number + 1} of {ROUNDS}: {name}", file=sys.stderr)
                found[name].append(_measure(tree, arguments, Path(folder)))
    return to_table(found)


@contextmanager
def checked_out(revision: str, folder: Path, root: Path) -> Iterator[Path]:
    """A commit's files in a folder, for the length of a block.

    Args:
        revision: The commit, as git names it.
        folder: Where to put them; it must not exist.
        root: A clone of the project.

    Raises:
        ConfigError: If git does not know the commit.
    """
    git = ["git", "-C", str(root)]
    name = ["rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}"]
    commit = _run(git + name, f"--against {revision!r}").strip()
    add = ["worktree", "add", "--quiet", "--detach", str(folder), commit]
    _run(git + add, f"--against {revision!r}")
    try:
        yield folder
    finally:
        remove = ["worktree", "remove", "--force", str(folder)]
        _run(git + remove, f"cannot remove {folder}")


def _measure(tree: Path, arguments: Sequence[str], folder: Path) -> dict[str, Any]:
    """Figures of the benchmark in a tree, from a process of its own."""
    file = folder / "figures.json"
    tool = [sys.executable, str(tree / "tools/benchmark.py")]
    command = [*tool, *arguments, "--json", str(file)]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    _run(command, f"the benchmark fails in {tree}", environment)
    figures: dict[str, Any] = json.loads(file.read_text())
    return figures


def _run(
    command: Sequence[str], what: str, environment: dict[str, str] | None = None
) -> str:
    """Output of a command; its failure is named in one line."""
    # The commands are git, and this project's own tool.
    done = subprocess.run(  # noqa: S603
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise ConfigError(f"{what}: {reason[0]}")
    return done.stdout


def to_table(found: dict[str, list[dict[str, Any]]]) -> str:
    """Lay out the medians of two commits.

    Args:
        found: Name of each commit to the figures of its runs, the other commit first.

    Returns:
        Lines of text; the last column is the present state divided by the other.
    """
    then, now = found
    lines = [f"{'median of ' + str(ROUNDS):<24}{then:>14}{now:>14}{'ratio':>9}"]
    rows = {
        "step, ms": ("step_ms",),
        "  processor time, ms": ("processor_ms", "step"),
        "floor, ms": ("floor_ms",),
        "step / floor": ("processor_ratio",),
        "calls of operators": ("operations", "step", "calls"),
        "peak memory, MB": ("peak_memory_mb",),
    }
    for title, path in rows.items():
        medians = [_median(runs, path) for runs in found.values()]
        shown = ["-" if value is None else f"{value:.4g}" for value in medians]
        before, after = medians
        ratio = f"{after / before:.3f}" if before and after else "-"
        lines.append(f"{title:<24}{shown[0]:>14}{shown[1]:>14}{ratio:>9}")
    return "\n".join(lines)


def _median(runs: Sequence[Any], path: Sequence[str]) -> float | None:
    """Median of a figure; None, if a commit does not measure it."""
    values = []
    for run in runs:
        value = run
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            return None
        values.append(float(value))
    return statistics.median(values)
