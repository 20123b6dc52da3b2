"""Runs of several stages: killed, resumed, on two processes, in parallel."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from stage_helpers import ROOT, TOOLS, start, weights, write_config

STAGES = ("first", "second", "third")
KILLS = int(os.environ.get("MMSEG_SEMISUP_KILLS", "3"))
# Iterations of a stage: more kills need a longer run.
ITERS = max(4, 2 * KILLS)
OPTIONS = ("--cfg-options", f"train_cfg.max_iters={ITERS}")
LAST = f"iter_{ITERS}.pth"


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    return write_config(tmp_path_factory.mktemp("training"), images=24)


def finish(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=6000)
    assert process.returncode == 0, output[-3000:]
    return output


@pytest.fixture(scope="module")
def whole(config) -> Path:
    """A run that nobody disturbed."""
    work = config.parent / "whole"
    finish(start("train.py", config, "--work-dir", work, *OPTIONS))
    return work


def files(work: Path) -> set[tuple[str, int]]:
    """Masks, checkpoints and notes, as they are now."""
    found = set()
    for path in work.rglob("*"):
        if path.suffix in (".png", ".pth", ".json", ".jsonl"):
            with contextlib.suppress(OSError):
                found.add((str(path), path.stat().st_mtime_ns))
    return found


def wait_for_changes(work: Path, process: subprocess.Popen, count: int) -> None:
    """Wait until a process has changed some files, or has ended."""
    before = files(work)
    while len(files(work) - before) < count and process.poll() is None:
        time.sleep(0.01)


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
def test_killed_at_random_points_it_goes_on_to_the_same_end(config, whole, tmp_path):
    work = tmp_path / "work"
    # About as many files change in a whole run.
    changes = len(list(whole.rglob("*.png"))) + 3 * ITERS
    pick = random.Random(int(os.environ.get("MMSEG_SEMISUP_KILL_SEED", "0")))
    points = [0, *sorted(pick.sample(range(1, changes), KILLS))]
    kept: dict[str, tuple[int, int]] = {}
    for last, point in pairwise(points):
        process = start("train.py", config, "--work-dir", work, *OPTIONS)
        wait_for_changes(work, process, point - last)
        time.sleep(pick.uniform(0, 0.1))
        if process.poll() is not None:
            assert process.returncode == 0, process.communicate()[0][-3000:]
            break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        print("killed:", place(work))
        for path in work.rglob("*.png"):
            if not path.name.startswith("."):
                Image.open(path).load()
        now = finished_files(work)
        assert kept.items() <= now.items()
        kept = now
    finish(start("train.py", config, "--work-dir", work, *OPTIONS))
    assert kept.items() <= finished_files(work).items()
    same_result(whole, work)


@pytest.mark.slow
def test_finished_run_does_nothing_again(config, whole):
    before = finished_files(whole)
    logs = {p for p in whole.glob("*/20*")}
    output = finish(start("train.py", config, "--work-dir", whole, *OPTIONS))
    assert "stage third is finished" in output
    assert finished_files(whole) == before
    assert {p for p in whole.glob("*/20*")} == logs


@pytest.mark.slow
def test_second_run_on_a_work_dir_is_refused(config, tmp_path):
    work = tmp_path / "work"
    first = start("train.py", config, "--work-dir", work, *OPTIONS)
    while not (work / "first").is_dir():
        time.sleep(0.05)
        assert first.poll() is None
    # Held still, so that it cannot end before the other begins.
    first.send_signal(signal.SIGSTOP)
    second = start("train.py", config, "--work-dir", work, *OPTIONS)
    output, _ = second.communicate(timeout=600)
    assert second.returncode == 1
    assert f"another run is at work in {work} (process {first.pid}" in output
    first.send_signal(signal.SIGKILL)
    first.communicate()


@pytest.mark.slow
def test_changed_config_is_noticed(config, whole):
    change = (*OPTIONS, "optim_wrapper.segmentor.optimizer.lr=0.5")
    process = start("train.py", config, "--work-dir", whole, *change)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 1
    assert "optimizer.lr: 0.05 -> 0.5" in output


@pytest.mark.slow
def test_tools_take_the_config_of_a_stage(config, whole, tmp_path):
    own = whole / "third" / "tiny.py"
    last = whole / "third" / LAST
    for cfg in (config, own):
        out = tmp_path / cfg.parent.name
        finish(start("export.py", cfg, last, "--out", out))
        assert (out / "model.pth").is_file()
    output = finish(start("test.py", own, last, "--work-dir", tmp_path / "test"))
    assert "mIoU" in output or (tmp_path / "test").is_dir()


@pytest.mark.slow
def test_two_processes_make_the_same_masks(config, whole, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    out = tmp_path / "store"
    command = [
        *(sys.executable, "-m", "torch.distributed.launch", "--nproc_per_node=2"),
        *("--master_addr=127.0.0.1", f"--master_port={port}"),
        *(str(TOOLS / "generate_pseudo_masks.py"), str(config)),
        *(str(whole / "first" / LAST), "--out", str(out)),
        *("--batch-size", "2", "--launcher", "pytorch"),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=600,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["bash", TOOLS / "dist_train.sh", config, "2", "--work-dir", work],
        check=True,
        timeout=6000,
        capture_output=True,
        env=os.environ | {"PATH": path, "PORT": port, "OMP_NUM_THREADS": "1"},
    )
    stages = json.loads((work / "stages.json").read_text())["stages"]
    assert all(stages[name]["finished"] for name in STAGES)
