"""Two commits are measured in turn, in trees of their own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mmseg_semisup.benchmark.against import checked_out, compare, to_table
from mmseg_semisup.core.errors import ConfigError

TOOL = """
import json, os, sys
from pathlib import Path
assert sys.argv[1:3] == ["a.py", "--crop"], sys.argv
here = Path(__file__).parents[1]
assert os.environ["PYTHONPATH"] == str(here)
if not Path(here, "speed").exists():
    sys.exit("error: it has no speed")
step = float(Path(here, "speed").read_text())
figures = dict(step_ms=step, processor_ms=dict(step=2 * step), floor_ms=5)
Path(sys.argv[-1]).write_text(json.dumps(figures))
"""


@pytest.fixture
def clone(tmp_path):
    """A clone with two commits, of which the second is twice as fast."""
    root = tmp_path / "clone"
    (root / "tools").mkdir(parents=True)
    (root / "tools/benchmark.py").write_text(TOOL)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    git = ["git", *who, "-C", str(root)]
    subprocess.run([*git, "init", "-q"], check=True)
    for speed in ("8", "4"):
        (root / "speed").write_text(speed)
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", speed], check=True)
    return root


def test_both_are_measured(clone):
    table = compare(["a.py", "--crop", "8"], "HEAD~1", clone).splitlines()
    assert table[0].split()[-3:] == ["HEAD~1", "here", "ratio"]
    assert table[1].split() == ["step,", "ms", "8", "4", "0.500"]
    assert table[2].split()[-3:] == ["16", "8", "0.500"]
    assert table[-1].split()[-3:] == ["-", "-", "-"]
    listed = ["git", "-C", str(clone), "worktree", "list"]
    trees = subprocess.run(listed, capture_output=True, text=True, check=True)
    assert len(trees.stdout.splitlines()) == 1


@pytest.mark.parametrize("revision", ["nowhere", "--force"])
def test_an_unknown_commit_is_named(clone, revision, tmp_path):
    with (
        pytest.raises(ConfigError, match=f"--against '{revision}'"),
        checked_out(revision, tmp_path / "other", clone),
    ):
        pass


def test_a_failure_is_named(clone):
    Path(clone, "speed").unlink()
    with pytest.raises(ConfigError, match="fails in .*clone: error: it has no speed"):
        compare(["a.py", "--crop", "8"], "HEAD", clone)


def test_medians_are_compared():
    found = {"old": [{"step_ms": n} for n in (1, 9, 2)], "here": [{"step_ms": 1}] * 3}
    assert to_table(found).splitlines()[1].split() == ["step,", "ms", "2", "1", "0.500"]
