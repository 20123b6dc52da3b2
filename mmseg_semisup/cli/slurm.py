"""Translates slurm's environment variables into those of ``torch.distributed``."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from mmseg_semisup.core.errors import ConfigError

FIRST_PORT, PORTS = 16384, 16000  # below the ephemeral ports
STEPS_PER_JOB = 16


def slurm_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that ``torch.distributed`` reads, for a process of a slurm job.

    The processes meet on the first node, at a port that depends on the numbers of job
    and step, so that neighbouring jobs and other steps use other ones. MASTER_ADDR and
    MASTER_PORT have precedence. MMEngine would use one port for all jobs.

    Args:
        environment: The variables of a process that srun started.

    Returns:
        RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT.

    Raises:
        ConfigError: If a variable that srun sets is missing.
    """
    names = ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_PROCID", "SLURM_NTASKS")
    missing = [n for n in (*names, "SLURM_LOCALID") if n not in environment]
    if missing:
        raise ConfigError(
            f"--launcher slurm: {', '.join(missing)} not set; start the processes with "
            "srun, as tools/slurm_train.sh does"
        )
    job, step, rank, processes = (environment[name] for name in names)
    port = FIRST_PORT + (int(job) * STEPS_PER_JOB + int(step)) % PORTS
    return {
        "RANK": rank,
        "WORLD_SIZE": processes,
        "LOCAL_RANK": environment["SLURM_LOCALID"],
        "MASTER_ADDR": environment.get("MASTER_ADDR") or _first_node(environment),
        "MASTER_PORT": environment.get("MASTER_PORT") or str(port),
    }


def _first_node(environment: Mapping[str, str]) -> str:
    """The machine of the first process."""
    if environment.get("SLURM_STEP_NUM_NODES") == "1":
        return "127.0.0.1"
    nodes = environment.get("SLURM_STEP_NODELIST") or environment["SLURM_NODELIST"]
    command = ["scontrol", "show", "hostnames", nodes]
    listed = subprocess.check_output(command, text=True)  # noqa: S603, our own words
    return listed.split()[0]
