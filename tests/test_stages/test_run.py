"""Runs of several stages: killed, resumed, on two processes, in parallel."""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from processes import TOOLS, Started, environment, free_port
from tiny_training import weights, write_stages

STAGES = ("first", "second", "third")
KILLS = int(os.environ.get("MMSEG_SEMISUP_KILLS", "1"))
# Iterations of a stage: more kills need a longer run.
ITERS = max(4, 2 * KILLS)
OPTIONS = ("--cfg-options", f"train_cfg.max_iters={ITERS}")
LAST = f"iter_{ITERS}.pth"


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    return write_stages(tmp_path_factory.mktemp("training"), images=24)


def finish(process: Started) -> str:
    output = process.communicate(timeout=600)
    assert process.returncode == 0, output[-3000:]
    return output


class Whole(NamedTuple):
    """A run that nobody disturbed.

    Attributes:
        work: Its folder.
        changes: How many of its files changed, or changed again, while it ran.
    """

    work: Path
    changes: int


@pytest.fixture(scope="module")
def whole_run(config) -> Whole:
    work = config.parent / "whole"
    process = Started("train.py", config, "--work-dir", work, *OPTIONS)
    changes = wait_for_changes(work, process)
    finish(process)
    return Whole(work, changes)


@pytest.fixture(scope="module")
def whole(whole_run) -> Path:
    return whole_run.work


def files(work: Path) -> set[tuple[str, int]]:
    """Masks, checkpoints and notes, as they are now."""
    found = set()
    for path in work.rglob("*"):
        if path.suffix in (".png", ".pth", ".json", ".jsonl"):
            with contextlib.suppress(OSError):
                found.add((str(path), path.stat().st_mtime_ns))
    return found


def wait_for_changes(work: Path, process: Started, count: float = math.inf) -> int:
    """Wait until some files have changed, or the end; say how many have."""
    before, seen = files(work), set()
    while len(seen) < count and process.returncode is None:
        time.sleep(0.03)
        seen |= files(work) - before
    return len(seen)


def place(work: Path) -> str:
    """Where a killed run stood."""
    record = work / "stages.json"
    stages = json.loads(record.read_text())["stages"] if record.is_file() else {}
    name = next(reversed(stages), "")
    last = work / name / "last_checkpoint"
    masks = len(list((work / name).glob("pseudo_masks/masks/*.png")))
    done = "finished" if stages.get(name, {}).get("finished") else "begun"
    checkpoint = Path(last.read_text()).name if last.is_file() else "no checkpoint"
    return f"{name or 'no stage'} {done}, {masks} masks, {checkpoint}"


def masks(work: Path, stage: str) -> dict[str, bytes]:
    folder = work / stage / "pseudo_masks"
    files = sorted(folder.glob("*/*.png"))
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in files}


def same_result(one: Path, other: Path) -> None:
    for stage in STAGES:
        first, second = (weights(w / stage / LAST) for w in (one, other))
        assert list(first) == list(second)
        for name in first:
            assert torch.equal(first[name], second[name]), (stage, name)
        assert masks(one, stage) == masks(other, stage)


def finished_files(work: Path) -> dict[str, tuple[int, int]]:
    """Masks that are noted and checkpoints of finished stages: inode and time."""
    names = [p for p in work.glob("*/pseudo_masks/manifest.json")]
    kept: list[Path] = []
    for path in names:
        records = json.loads(path.read_text())["images"]
        kept += [path.parent / "masks" / f"{r['id']}.png" for r in records]
    for journal in work.glob("*/pseudo_masks/progress/*.jsonl"):
        for line in journal.read_bytes().splitlines():
            try:
                records = json.loads(line)["images"]
            except ValueError:
                continue
            folder = journal.parents[1] / "masks"
            kept += [folder / f"{r['id']}.png" for r in records]
    record = work / "stages.json"
    stages = json.loads(record.read_text())["stages"] if record.is_file() else {}
    for name, stage in stages.items():
        if stage.get("finished"):
            kept += sorted((work / name).glob("*.pth"))
    status = {path: path.stat() for path in kept}
    return {str(p): (s.st_ino, s.st_mtime_ns) for p, s in status.items()}


@pytest.mark.slow
def test_killed_at_random_points_it_goes_on_to_the_same_end(
    config, whole_run, tmp_path
):
    pick = random.Random(int(os.environ.get("MMSEG_SEMISUP_KILL_SEED", "0")))
    # About two kills a run, and not more than a run has changes.
    longest = max(whole_run.changes * 2 // (KILLS + 1), 1)
    killed = 0
    for attempt in range(4 * KILLS):
        # A run may end before it is killed, and a finished one would stay so.
        work = tmp_path / f"work{attempt}"
        killed += kill_and_go_on(config, work, pick, longest, KILLS - killed)
        same_result(whole_run.work, work)
        if killed == KILLS:
            break
    assert killed == KILLS


def kill_and_go_on(
    config: Path, work: Path, pick: random.Random, longest: int, kills: int
) -> int:
    """Kill a run at random points until it ends; say how often it was killed."""
    kept: dict[str, tuple[int, int]] = {}
    killed = 0
    while killed < kills:
        process = Started("train.py", config, "--work-dir", work, *OPTIONS)
        wait_for_changes(work, process, pick.randint(1, longest))
        time.sleep(pick.uniform(0, 0.1))
        if process.returncode is not None:
            finish(process)
            break
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        killed += 1
        print("killed:", place(work))
        for path in work.rglob("*.png"):
            if not path.name.startswith("."):
                Image.open(path).load()
        now = finished_files(work)
        assert kept.items() <= now.items()
        kept = now
    else:
        finish(Started("train.py", config, "--work-dir", work, *OPTIONS))
    assert kept.items() <= finished_files(work).items()
    return killed


@pytest.mark.slow
def test_finished_run_does_nothing_again(config, whole):
    before = finished_files(whole)
    logs = {p for p in whole.glob("*/20*")}
    output = finish(Started("train.py", config, "--work-dir", whole, *OPTIONS))
    assert "stage third is finished" in output
    assert finished_files(whole) == before
    assert {p for p in whole.glob("*/20*")} == logs


@pytest.mark.slow
def test_second_run_on_a_work_dir_is_refused(config, tmp_path):
    work = tmp_path / "work"
    first = Started("train.py", config, "--work-dir", work, *OPTIONS)
    while not (work / "first").is_dir():
        time.sleep(0.05)
        assert first.returncode is None
    # Held still, so that it cannot end before the other begins.
    first.send_signal(signal.SIGSTOP)
    second = Started("train.py", config, "--work-dir", work, *OPTIONS)
    output = second.communicate(timeout=600)
    assert second.returncode == 1
    assert f"another run is at work in {work} (process {first.pid}" in output
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=60)


@pytest.mark.slow
def test_changed_config_is_noticed(config, whole):
    change = (*OPTIONS, "optim_wrapper.segmentor.optimizer.lr=0.5")
    process = Started("train.py", config, "--work-dir", whole, *change)
    output = process.communicate(timeout=600)
    assert process.returncode == 1
    assert "optimizer.lr: 0.05 -> 0.5" in output


@pytest.mark.slow
def test_tools_take_the_config_of_a_stage(config, whole, tmp_path):
    own = whole / "third" / "tiny.py"
    last = whole / "third" / LAST
    for cfg in (config, own):
        out = tmp_path / cfg.parent.name
        finish(Started("export.py", cfg, last, "--out", out))
        assert (out / "model.pth").is_file()
    output = finish(Started("test.py", own, last, "--work-dir", tmp_path / "test"))
    assert "mIoU" in output or (tmp_path / "test").is_dir()


@pytest.mark.slow
def test_two_processes_make_the_same_masks(config, whole, tmp_path):
    out, group = (
        tmp_path / "store",
        dict(WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=free_port()),
    )
    command = ["generate_pseudo_masks.py", config, whole / "first" / LAST]
    options = ["--out", out, "--batch-size", 2, "--launcher", "pytorch"]
    both = [
        Started(*command, *options, RANK=rank, LOCAL_RANK=rank, **group)
        for rank in "01"
    ]
    for process in both:
        finish(process)
    one = whole / "second" / "pseudo_masks"
    for path in sorted((one / "masks").iterdir()):
        other = out / "masks" / path.name
        np.testing.assert_array_equal(Image.open(path), Image.open(other))
    first, second = (json.loads((f / "manifest.json").read_text()) for f in (one, out))
    for key in ("pixels", "images", "checkpoint", "statistics"):
        assert first[key] == second[key], key


@pytest.mark.slow
def test_two_processes_train_all_stages(config, tmp_path):
    work = tmp_path / "work"
    command = ["bash", TOOLS / "dist_train.sh", config, "2", "--work-dir", work]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=600,
        env=environment(PORT=free_port()),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    stages = json.loads((work / "stages.json").read_text())["stages"]
    assert all(stages[name]["finished"] for name in STAGES)
