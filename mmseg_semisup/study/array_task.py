"""A task of a slurm array: ``python -m mmseg_semisup.study.array_task FOLDER``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mmseg_semisup.cli.launch import run_tool

from .slurm import run_task


def main() -> None:
    """Run the training whose number slurm gives."""
    code = run_task(Path(sys.argv[1]), int(os.environ["SLURM_ARRAY_TASK_ID"]))
    if code:
        raise SystemExit(code)


if __name__ == "__main__":
    run_tool(main)
