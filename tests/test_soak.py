"""Trainings under faults, for a while; ``soak.py`` runs for hours."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
import soak
from lanes import FULL
from soak import Method, Soak, deck
from soak_faults import KINDS, Fault

MINUTES = os.environ.get("MMSEG_SEMISUP_SOAK_MINUTES", "10" if FULL else "1")
SEED = os.environ.get("MMSEG_SEMISUP_SOAK_SEED", "0")


@pytest.mark.slow
def test_every_training_ends_as_without_faults(capsys):
    code = soak.main(["--minutes", MINUTES, "--seed", SEED])
    shown = capsys.readouterr()
    print(shown.out)
    assert code == 0, shown.err
    assert "all ends equal" in shown.out


def test_a_difference_is_found(monkeypatch, tmp_path, capsys):
    """With trainings that only count how often they were started."""
    started: list[Path] = []

    def train(self: Soak, method: Method, work: Path, *_: object) -> tuple[int, str]:
        work.mkdir(exist_ok=True)
        started.append(work)
        return 0, ""

    monkeypatch.setattr(Soak, "train", train)
    monkeypatch.setattr(soak, "write_methods", lambda _: {"own": Method(tmp_path, 1)})
    monkeypatch.setattr(soak, "result", lambda *_: {"weights": 1})
    assert soak.main(["--seed", "3", "--life", "5"]) == 0
    monkeypatch.setattr(soak, "result", lambda *_: {"weights": len(started)})
    assert soak.main(["--seed", "3", "--life", "5"]) == 1
    shown = capsys.readouterr()
    assert "1 trainings, 1 faults" in shown.out
    assert "FAILED: .weights" in shown.err
    assert "again: python tests/soak.py --seed 3 --life 5" in shown.err


WORKER = "error: a process that loads data ended (killed)"
TRACE = "Traceback (most recent call last):"
SHARER = f"""{TRACE}
  File "/lib/multiprocessing/resource_sharer.py", line 139, in _serve
    msg = conn.recv()
EOFError
"""
ENDS = [
    ("SIGKILL", 0, "", True),
    ("SIGKILL", -9, "", True),
    ("SIGTERM", -9, "", False),
    ("SIGTERM", 75, "SIGTERM: stopped", True),
    ("SIGTERM", 75, TRACE, False),
    ("SIGTERM", 1, "error: mistake", False),
    ("SIGINT", 130, TRACE, True),
    ("SIGTERM", 130, "", False),
    ("worker killed", 1, WORKER, True),
    ("worker killed", 1, f"{TRACE}\n{WORKER}", False),
    ("worker killed", 1, f"{WORKER}\n{WORKER}", False),
    ("worker killed", 1, f"{WORKER}\n{SHARER}", True),
    ("worker killed", 1, f"{WORKER}\n{SHARER}\n{TRACE}", False),
    ("full disk", 1, WORKER, False),
    ("full disk", 1, "error: cannot write iter_2.pth: File too large", True),
    ("empty", 1, "error: --resume: no checkpoint in x can be used: y", True),
    ("second training", 1, "error: another run is at work", False),
]


@pytest.mark.parametrize(("kind", "code", "output", "right"), ENDS)
def test_how_a_training_may_end(kind, code, output, right):
    fault = Fault(kind, "fsync", 1, 0.0, 1000, 0.0, 0.0, 0)
    assert fault.may_end(code, output) is right


def test_all_kinds_come_equally_often():
    kinds = deck(7)
    drawn = Counter(kind for life in range(len(KINDS)) for kind in kinds(life))
    assert drawn == dict.fromkeys(KINDS, soak.FAULTS)
    assert kinds(3) == deck(7)(3) != deck(8)(3)
