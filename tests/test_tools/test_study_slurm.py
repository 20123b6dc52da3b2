"""A study as an array of jobs, on a slurm cluster of one node."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from processes import ROOT, TOOLS, environment
from tiny_study import study_writer

ONE_NODE = ROOT / "tests" / "slurm" / "one_node.sh"
NOT_INSTALLED = 77


@pytest.mark.slow
def test_a_study_is_an_array_of_jobs(tmp_path):
    """A training and one that fails; then the same command trains nothing again."""
    (tmp_path / "bad.py").write_text(
        "_base_ = ['plain.py']\nmethod = 'supervised'\n"
        "optim_wrapper = dict(optimizer=dict(type='NoSuch'))\n"
    )
    methods = ["supervised", dict(name="bad", config="bad.py")]
    study = study_writer(tmp_path)(methods=methods, seeds=[0])
    command = f"python {TOOLS}/study.py {study} --work-dir work --slurm debug --jobs 2"
    commands = tmp_path / "commands.sh"
    commands.write_text(
        f"{command} >first.out 2>&1; echo $? >>codes\n"
        f"{command} --only supervised_m2_seed0 >second.out 2>&1; echo $? >>codes\n"
    )
    done = subprocess.run(
        ["bash", ONE_NODE, tmp_path / "cluster", "bash", commands],
        cwd=tmp_path,
        env=environment(GPUS="0", CPUS_PER_TASK="1", CUDA_VISIBLE_DEVICES=""),
        capture_output=True,
        text=True,
        timeout=900,
    )
    if done.returncode == NOT_INSTALLED:
        pytest.skip(done.stderr.strip())
    printed = {p.name: p.read_text() for p in tmp_path.rglob("*.out")}
    assert (tmp_path / "codes").read_text().split() == ["1", "0"], printed
    first, second = printed["first.out"], printed["second.out"]
    assert "supervised_m2_seed0 is finished: mIoU" in first
    assert "error: cell bad_m2_seed0 ended with code 1" in first
    assert "begins" not in second
    assert "| `supervised` | 2 |" in second
    states = [
        json.loads((tmp_path / "work" / "cells" / f"{name}_m2_seed0.json").read_text())
        for name in ("supervised", "bad")
    ]
    assert [len(state["attempts"]) for state in states] == [1, 1]
    assert states[0]["result"]["masks"] == 2
    assert os.path.isfile(tmp_path / "work" / "results.json")
