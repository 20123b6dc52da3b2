"""Chooses the checkpoint that a training resumes from, or its first weights."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import print_log

from mmseg_semisup.core.distributed import on_main, warn
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.find_checkpoint import (
    check_folder,
    check_whole,
    find_whole_checkpoint,
)
from mmseg_semisup.core.terminal import printable

from .job_record import earlier_checkpoints


def set_checkpoint(
    cfg: Config,
    resume: str | None = None,
    load_from: str | None = None,
    trust: bool = False,
    job: str | None = None,
) -> None:
    """Choose what a training starts from; all processes call this.

    Args:
        cfg: The config, with its ``work_dir``; changed in place.
        resume: A checkpoint to resume; 'auto' for the newest whole one in the work-dir,
            if there is one; None for a new training.
        load_from: A checkpoint with the first weights of a new training.
        trust: Whether checkpoints may execute code while they are read.
        job: Number or name of a job of a cluster. If it has begun in this work-dir
            before, the newest whole checkpoint that it has written has precedence over
            the other arguments.

    Raises:
        ConfigError: If a checkpoint does not exist, none of several is whole, or the
            config writes its own where they would not be found.
        CheckpointError: If training cannot resume from the named one.
    """
    check_folder(cfg)
    if load_from is not None:
        cfg.load_from = load_from
    cfg.resume = False
    found = None
    if job is not None:
        earlier = on_main(lambda: earlier_checkpoints(cfg.work_dir, job))
        found = on_main(
            lambda: find_whole_checkpoint(cfg.work_dir, warn, trust, earlier)
        )
    if found is not None:
        cfg.resume, cfg.load_from = True, str(found)
        return
    if resume == "auto":
        found = on_main(lambda: find_whole_checkpoint(cfg.work_dir, warn, trust))
        if found is None:
            if is_main_process():
                print_log(f"No checkpoint in {cfg.work_dir}: training starts anew")
        else:
            cfg.resume, cfg.load_from = True, str(found)
    elif resume is not None:
        cfg.resume, cfg.load_from = True, resume
    start = cfg.get("load_from")
    if start and "://" not in start and not Path(start).is_file():
        shown = printable(start, keep="")
        option = "--resume" if cfg.resume else "load_from"
        raise ConfigError(f"{option}: there is no checkpoint {shown}")
    if resume not in (None, "auto") and "://" not in resume:
        on_main(lambda: check_whole(resume, trust))
