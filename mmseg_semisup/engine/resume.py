"""What a training starts from: a checkpoint of its own, other weights, or nothing."""

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

from .job_record import earlier_checkpoints


def set_checkpoint(
    cfg: Config,
    resume: str | None = None,
    load_from: str | None = None,
    trust: bool = False,
    job: str | None = None,
) -> None:
    """Decide what training starts from; all processes call this, the main one looks.

    Args:
        cfg: The config, with its ``work_dir``; changed in place.
        resume: A checkpoint to go on from; 'auto' for the newest whole one in the
            work-dir, if there is one; None to start anew.
        load_from: A checkpoint to take weights from where nothing is resumed.
        trust: Whether checkpoints may execute code while they are read.
        job: Of a cluster. If it has begun in this work-dir before, the newest whole
            checkpoint that it has written comes before all that is said above.

    Raises:
        ConfigError: If a checkpoint does not exist, or none of several is whole, or
            this training's would not be found again.
        CheckpointError: If training cannot go on from the one that was named.
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
        option = "--resume" if cfg.resume else "load_from"
        raise ConfigError(f"{option}: there is no checkpoint {start}")
    if resume not in (None, "auto") and "://" not in resume:
        on_main(lambda: check_whole(resume, trust))
