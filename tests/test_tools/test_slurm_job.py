"""The scripts for slurm, on a cluster of one node that lives as long as the test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmseg_semisup.core.checkpoint import load_checkpoint_file

TOOLS = Path(__file__).resolve().parents[2] / "tools"
ONE_NODE = TOOLS.parent / "tests" / "slurm" / "one_node.sh"
NOT_INSTALLED = 77
ITERATIONS = 60

COMMANDS = r"""
set -euo pipefail
export GPUS=0 TASKS=2 CPUS_PER_TASK=1 OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
export CUDA_VISIBLE_DEVICES=
train() {
    bash "$tools/slurm_train.sh" debug "$1" "$config" --work-dir "$1" \
        --cfg-options train_cfg.max_iters="$iterations" \
        train_cfg.val_interval=1000 default_hooks.checkpoint.interval=1000 |
        grep -o '[0-9]*$'
}
told=$(train told) alone=$(train alone)
until [ -n "$(find . -path "./told/*" -name scalars.json -size +0)" ]; do
    [ -n "$(squeue --noheader --jobs="$told")" ] || exit 3
    sleep 0.1
done
scancel --signal=USR1 "$told"
while [ -n "$(squeue --noheader)" ]; do sleep 0.2; done
scontrol show job "$told" | grep -o 'JobState=[A-Z]*\|Restarts=[0-9]*\|ExitCode=.*'
scontrol show job "$alone" | grep -o 'JobState=[A-Z]*\|Restarts=[0-9]*\|ExitCode=.*'
mv "told-$told.out" told.out
mv "alone-$alone.out" alone.out
bash "$tools/slurm_test.sh" debug test "$config" "told/iter_$iterations.pth" \
    --work-dir told >test.out 2>&1
"""


@pytest.mark.slow
def test_a_job_that_is_told_to_leave_goes_on_where_it_was(training, tmp_path):
    """Two jobs on one node at a time; the interrupted one ends with equal weights."""
    commands = tmp_path / "commands.sh"
    commands.write_text(COMMANDS)
    given = dict(tools=TOOLS, config=training, iterations=ITERATIONS)
    done = subprocess.run(
        ["bash", ONE_NODE, tmp_path / "cluster", "bash", commands],
        cwd=tmp_path,
        env=os.environ
        | {name: str(value) for name, value in given.items()}
        | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    if done.returncode == NOT_INSTALLED:
        pytest.skip(done.stderr.strip())
    printed = {p.name: p.read_text() for p in tmp_path.glob("*.out")}
    assert done.returncode == 0, (done.stdout, done.stderr, printed)
    ended = ["JobState=COMPLETED", "Restarts=1", "ExitCode=0:0"]
    assert done.stdout.split() == [*ended, ended[0], "Restarts=0", ended[2]]

    told = printed["told.out"]
    (stopped,) = set(re.findall(r"stopped after iteration (\d+), with its", told))
    assert 0 < int(stopped) < ITERATIONS
    assert "it goes back into the queue" in told
    assert f"resumed epoch: 0, iter: {stopped}" in told
    weights = [
        load_checkpoint_file(tmp_path / name / f"iter_{ITERATIONS}.pth")
        for name in ("told", "alone")
    ]
    first, second = (checkpoint["state_dict"] for checkpoint in weights)
    assert list(first) == list(second)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert "mIoU" in printed["test.out"]


def test_a_restarted_job_has_the_options_of_its_first_start(tmp_path):
    """Together with its number; slurm is made up."""
    for name, answer in (("srun", '"$@"'), ("squeue", "COMPLETING")):
        command = tmp_path / name
        command.write_text(f"#!/bin/bash\necho {answer}\n")
        command.chmod(0o755)
    variables = {"SLURM_JOB_ID": "812", "SLURM_RESTART_COUNT": "1"}
    options = ["config.py", "--resume", "old.pth"]
    done = subprocess.run(
        ["bash", TOOLS / "slurm_job.sh", "tools", *options],
        env=os.environ | variables | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    _, passed = done.stdout.split("train.py ")
    assert passed.split() == [*options, "--job", "812", "--launcher", "slurm"]


def test_the_cluster_says_what_it_lacks(tmp_path):
    done = subprocess.run(
        ["/bin/bash", ONE_NODE, tmp_path / "cluster", "true"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == NOT_INSTALLED
    assert "apt-get install slurm-wlm munge" in done.stderr
    assert not (tmp_path / "cluster").exists()
