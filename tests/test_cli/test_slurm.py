"""What a process learns from slurm's variables, without slurm."""

from __future__ import annotations

import os

import pytest
import torch
from mmengine.config import Config

from mmseg_semisup.cli import slurm
from mmseg_semisup.cli.launch import set_launcher
from mmseg_semisup.cli.slurm import slurm_environment
from mmseg_semisup.core.errors import ConfigError

PROCESS = {
    "SLURM_JOB_ID": "812",
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "5",
    "SLURM_NTASKS": "8",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_STEP_NODELIST": "node[3-4]",
}


def test_processes_of_two_nodes(monkeypatch):
    asked = []

    def hostnames(command, text):
        asked.append(command)
        return "node3\nnode4\n"

    monkeypatch.setattr(slurm.subprocess, "check_output", hostnames)
    found = slurm_environment(PROCESS)
    assert asked == [["scontrol", "show", "hostnames", "node[3-4]"]]
    assert int(found.pop("MASTER_PORT")) in range(16384, 32768)
    assert found == {
        "RANK": "5",
        "WORLD_SIZE": "8",
        "LOCAL_RANK": "1",
        "MASTER_ADDR": "node3",
    }
    chosen = {"MASTER_ADDR": "10.0.0.7", "MASTER_PORT": "23456"}
    assert slurm_environment(PROCESS | chosen).items() >= chosen.items()


def test_jobs_and_steps_of_a_node_do_not_meet_at_one_port():
    def port(job, step):
        one = PROCESS | {"SLURM_STEP_NUM_NODES": "1"}
        one |= {"SLURM_JOB_ID": str(job), "SLURM_STEP_ID": str(step)}
        found = slurm_environment(one)
        assert found["MASTER_ADDR"] == "127.0.0.1"
        return found["MASTER_PORT"]

    ports = [port(job, step) for job in range(5000, 5900) for step in range(16)]
    assert len(set(ports)) == len(ports)
    assert port(812, 0) == port(812, 0)


def test_gloo_without_gpus_and_a_message_without_slurm(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(os, "environ", dict(PROCESS, MASTER_ADDR="127.0.0.1"))
    started = []
    monkeypatch.setattr(torch.distributed, "init_process_group", started.append)
    cfg = Config()
    set_launcher(cfg, "slurm", 0)
    assert started == ["gloo"]
    assert cfg.model_wrapper_cfg.device_ids is None
    assert os.environ["LOCAL_RANK"] == "1"
    monkeypatch.setattr(os, "environ", {"SLURM_JOB_ID": "812"})
    with pytest.raises(ConfigError, match=r"SLURM_STEP_ID, .*LOCALID not set; .*srun"):
        set_launcher(cfg, "slurm", 0)
