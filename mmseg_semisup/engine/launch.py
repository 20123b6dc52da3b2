"""What tools/train.py and tools/test.py do between the command line and the runner."""

from __future__ import annotations

import argparse
import contextlib
import errno
import gc
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.dist import init_dist, is_distributed, is_main_process
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import RUNNERS

from mmseg_semisup.datasets.sources import DataError

from .atomic_io import WriteError
from .checkpoint import CheckpointError
from .config import ConfigError
from .find_checkpoint import check_folder, check_whole, find_whole_checkpoint
from .hooks import (
    ArchitectureCheckHook,
    FreshCountersHook,
    NumbersHook,
    PreemptionHook,
    RepeatValidationHook,
    ResumedScheduleHook,
)
from .job import earlier_checkpoints
from .numbers import NumbersError
from .preemption import REQUEUE_CODE, PreemptedError, requests
from .slurm import slurm_environment
from .together import on_main

LAUNCHERS = ("none", "pytorch", "slurm", "mpi")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""What writing fails with where there is no room, or no longer any."""


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and testing share.

    Args:
        parser: The parser of the tool.
    """
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        help="changes to the config as key=value, e.g. model.teacher.momentum=0.99 "
        "model.objectives.0.start.unlabeled=0 or key='[a,b]'",
    )
    parser.add_argument("--launcher", choices=LAUNCHERS, default="none")
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0)
    parser.add_argument(
        "--trust-checkpoint",
        action="store_true",
        help="load checkpoints that hold more than tensors and plain data; such a "
        "file can run any code, so use it for files whose origin you know",
    )


def run_tool(main: Callable[[], None]) -> None:
    """Run a tool; a mistake of the user's ends it with one line and exit code 1.

    So does a disk that is full. A tool that is told to leave, by SIGTERM or SIGUSR1,
    ends with :data:`REQUEUE_CODE`.

    Args:
        main: The tool.
    """
    code = None
    with requests.listening():
        try:
            main()
        except PreemptedError as stop:
            if is_main_process():
                print(stop.message, file=sys.stderr, flush=True)
            if not stop.together:
                # The others may be anywhere; nobody waits for them.
                raise SystemExit(stop.code) from None
            code = stop.code
        except (ConfigError, CheckpointError, DataError, WriteError) as error:
            raise SystemExit(f"error: {error}") from error
        except NumbersError as error:
            # All processes are here, with the same message.
            raise SystemExit(f"error: {error}" if is_main_process() else 1) from error
        except Exception:
            if not requests.number or requests.deferred:
                raise
            # MMEngine turns whatever interrupts its printing of a config into a
            # mistake in the config.
            raise SystemExit(REQUEUE_CODE) from None
        leave_processes()
    if code is not None:
        raise SystemExit(code)


def set_work_dir(cfg: Config, work_dir: str | None, config_path: str | Path) -> None:
    """Decide on the work-dir and make sure that it can be written.

    The option comes before the config's own ``work_dir``, and that before
    ``work_dirs/NAME_OF_THE_CONFIG``.

    Args:
        cfg: The config; changed in place.
        work_dir: The option, or None.
        config_path: The file of the config.

    Raises:
        ConfigError: If the folder cannot be made or written.
    """
    default = os.path.join("work_dirs", Path(config_path).stem)
    cfg.work_dir = work_dir or cfg.get("work_dir") or default
    check_writable(cfg.work_dir)


def check_writable(folder: str | Path) -> None:
    """Make a folder and write a file there once.

    Args:
        folder: The folder.

    Raises:
        ConfigError: If that fails.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as error:
        raise ConfigError(
            f"cannot write into the folder {folder}: {error.strerror or error}"
        ) from error


@contextlib.contextmanager
def writing_into(folder: str | Path) -> Iterator[None]:
    """Explain a full disk that something else than a checkpoint meets, as the log.

    Args:
        folder: The work-dir.

    Raises:
        WriteError: If a file cannot be written; names it, or the folder.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, WriteError) or error.errno not in FULL:
            raise
        raise WriteError(
            f"cannot write {error.filename or f'into {folder}'}: {error.strerror}; "
            "the checkpoints that were there before are whole"
        ) from error


def set_precision(cfg: Config) -> None:
    """Switch training to mixed precision: float16 on CUDA, bfloat16 on a CPU.

    Args:
        cfg: The config; changed in place.

    Raises:
        ConfigError: If its optimizers cannot do that.
    """
    optim_wrapper = cfg.get("optim_wrapper") or {}
    constructor = optim_wrapper.get("constructor")
    if constructor != "JointOptimWrapperConstructor":
        raise ConfigError(
            "--amp needs optim_wrapper.constructor='JointOptimWrapperConstructor', "
            f"but the config has {constructor!r}"
        )
    optim_wrapper.precision = "float16" if torch.cuda.is_available() else "bfloat16"


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
            lambda: find_whole_checkpoint(cfg.work_dir, _warn, trust, earlier)
        )
    if found is not None:
        cfg.resume, cfg.load_from = True, str(found)
        return
    if resume == "auto":
        found = on_main(lambda: find_whole_checkpoint(cfg.work_dir, _warn, trust))
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


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)


def set_launcher(cfg: Config, launcher: str, local_rank: int) -> None:
    """Prepare the config, and on CPUs the process group, for several processes.

    Args:
        cfg: The config; changed in place.
        launcher: One of :data:`LAUNCHERS`.
        local_rank: Number of this process on its machine, where the launcher does
            not say so in the environment.

    Raises:
        ConfigError: If the launcher needs GPUs and there are none, or slurm has not
            started this process.
    """
    cfg.launcher = launcher
    if launcher == "slurm":
        os.environ.update(slurm_environment(os.environ))
    os.environ.setdefault("LOCAL_RANK", str(local_rank))
    if launcher == "none" or torch.cuda.is_available():
        return
    if launcher not in ("pytorch", "slurm"):
        raise ConfigError(
            f"--launcher {launcher} needs GPUs; without them use pytorch or slurm"
        )
    # MMEngine would choose a GPU for each process; it leaves alone what exists.
    torch.distributed.init_process_group("gloo")
    cfg.model_wrapper_cfg = dict(
        type="MMDistributedDataParallel",
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=cfg.get("find_unused_parameters", False),
    )


def init_processes(cfg: Config) -> None:
    """Join the process group now, as the runner would do later.

    Args:
        cfg: The config, after :func:`set_launcher`.
    """
    if cfg.get("launcher", "none") != "none" and not is_distributed():
        dist_cfg = (cfg.get("env_cfg") or {}).get("dist_cfg") or {}
        init_dist(cfg.launcher, **dist_cfg)


def leave_processes() -> None:
    """Leave the process group, if there is one, together with the other processes.

    A process that ends while another still talks to it makes that one fail after its
    work is done; so does a wrapped model that outlives the group.
    """
    if is_distributed():
        gc.collect()
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def build_runner(cfg: Config, strict: bool) -> Runner:
    """Build the runner of a config, which must not load from another architecture.

    Args:
        cfg: The config.
        strict: Whether a checkpoint must hold exactly the model's weights.

    Returns:
        The runner, of the config's ``runner_type`` if it names one.

    Raises:
        ConfigError: If the model or another part refuses its arguments.
    """
    try:
        runner = RUNNERS.build(cfg) if "runner_type" in cfg else Runner.from_cfg(cfg)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    runner.register_hook(ArchitectureCheckHook(strict=strict))
    # PreemptionHook notes signals while the next works.
    hooks = (FreshCountersHook, NumbersHook, PreemptionHook, RepeatValidationHook)
    for hook in (*hooks, ResumedScheduleHook):
        if not any(isinstance(present, hook) for present in runner.hooks):
            runner.register_hook(hook())
    return runner


def choose_network(cfg: Config, network: str) -> None:
    """Let the student or the teacher predict.

    Args:
        cfg: The config; changed in place.
        network: 'student' or 'teacher'.

    Raises:
        ConfigError: If the model has no such network.
    """
    if "segmentor" in cfg.model or "classifier" in cfg.model:
        cfg.merge_from_dict({"model.test_cfg.predict_with": network})
    elif network != "student":
        raise ConfigError("--network teacher: the config's model is a plain segmentor")


def show_predictions(
    cfg: Config, show: bool, folder: str | None, wait_time: float
) -> None:
    """Paint predictions during a test.

    Args:
        cfg: The config; changed in place.
        show: Whether in a window.
        folder: Where to save them, or None.
        wait_time: Seconds that a window stays.

    Raises:
        ConfigError: If the config has no hook for it.
    """
    hook = (cfg.get("default_hooks") or {}).get("visualization")
    if hook is None:
        raise ConfigError(
            "--show and --show-dir need the config's default_hooks to have "
            "visualization=dict(type='SegVisualizationHook')"
        )
    hook.update(draw=True, show=show, wait_time=wait_time)
    if folder is not None:
        check_writable(folder)
        cfg.visualizer.save_dir = folder


def save_predictions(cfg: Config, folder: str) -> None:
    """Save predicted label maps during a test.

    Args:
        cfg: The config; changed in place.
        folder: Where to.

    Raises:
        ConfigError: If the folder cannot be written.
    """
    check_writable(folder)
    evaluators = cfg.test_evaluator
    for evaluator in evaluators if isinstance(evaluators, list) else [evaluators]:
        evaluator.update(output_dir=folder, keep_results=True)


def use_augmentation(cfg: Config) -> None:
    """Average the predictions of several augmented copies of each test image.

    Args:
        cfg: The config; changed in place.

    Raises:
        ConfigError: If it does not say how.
    """
    missing = [key for key in ("tta_model", "tta_pipeline") if key not in cfg]
    if missing:
        raise ConfigError(f"--tta: the config has no {' and no '.join(missing)}")
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model
