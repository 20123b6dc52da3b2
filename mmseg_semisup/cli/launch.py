"""Work-dir, launcher, networks and outputs of tools/train.py and tools/test.py."""

from __future__ import annotations

import argparse
import contextlib
import errno
import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmcv.transforms import RandomFlip, Resize
from mmengine.config import Config, DictAction
from mmengine.dist import init_dist, is_distributed, is_main_process
from mmseg.datasets.transforms import (
    PackSegInputs,
    ResizeShortestEdge,
    ResizeToMultiple,
)
from mmseg.engine.hooks import SegVisualizationHook
from mmseg.registry import HOOKS, TRANSFORMS

from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.config_types import SCOPE_KEY, is_type, type_of
from mmseg_semisup.core.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    WriteError,
)
from mmseg_semisup.core.mistakes import explain, last_line, workers_told_once
from mmseg_semisup.core.plain_files import check_own_folder
from mmseg_semisup.core.terminal import printable, printing_safely
from mmseg_semisup.datasets.sources import with_pipeline
from mmseg_semisup.engine.nonfinite import NumbersError
from mmseg_semisup.engine.preemption import REQUEUE_CODE, PreemptedError, requests
from mmseg_semisup.export.plain_model import test_pipeline
from mmseg_semisup.models.data_preprocessor import prepared_model
from mmseg_semisup.models.network_names import check_network, mean_name, members
from mmseg_semisup.visualization import ShownPredictionsHook

from .slurm import slurm_environment

LAUNCHERS = ("none", "pytorch", "slurm", "mpi")
AUGMENTED = (
    PackSegInputs,
    RandomFlip,
    Resize,
    ResizeShortestEdge,
    ResizeToMultiple,
)
"""Transforms that test-time augmentation replaces by several of the same kind."""
UNIMPORTANT = (
    # Every head of mmseg with its default loss.
    "Default ``avg_non_ignore`` is False",
    "The shape of value will convert from",
    # Pillow's, of half of its limit, at which the checks refuse an image.
    r"Image size \(\d+ pixels\) exceeds limit",
)
"""Beginnings of warnings of mmseg and mmengine that ask for nothing."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""errno values of a disk that is full or read-only, and of a file that is too large."""

NAMED = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.EILSEQ)
"""errno values of a path that somebody gave, and that no file can have here."""


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
        "model.objectives.adversarial.start.unlabeled=0 or key='[a,b]'",
    )
    parser.add_argument("--launcher", choices=LAUNCHERS, default="none")
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0)
    add_trust_argument(parser)


def add_trust_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option that lifts the restrictions on checkpoints.

    Args:
        parser: The parser of the tool.
    """
    parser.add_argument(
        "--trust-checkpoint",
        action="store_true",
        help="load checkpoints that hold more than tensors and plain data; such a "
        "file can run any code, so its author must be known and trusted",
    )


def _stop_listening_to_workers() -> None:
    """Keep torch's handler from raising for each worker that has ended.

    A signal that arrived before still raises, inside of the call that sets the handler.
    """
    while hasattr(signal, "SIGCHLD"):
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return
        except RuntimeError:
            continue


def run_tool(main: Callable[[], None]) -> None:
    """Run a tool, and end it with one line and exit code 1 at a user's mistake.

    :func:`~mmseg_semisup.core.mistakes.explain` decides what is one. A full disk ends
    it in the same way. SIGTERM and SIGUSR1 end it with :data:`REQUEUE_CODE`, whatever
    signals follow.

    Args:
        main: The main function of the tool.
    """
    code = None
    for message in UNIMPORTANT:
        warnings.filterwarnings("ignore", message=message)
    with requests.listening():
        try:
            with workers_told_once(), printing_safely():
                main()
        except PreemptedError as stop:
            requests.finish(int(str(stop.code)))
            if is_main_process():
                print(printable(stop.message), file=sys.stderr, flush=True)
            if not stop.together:
                # The other processes may be anywhere, so this one does not wait for
                # them.
                raise SystemExit(stop.code) from None
            code = stop.code
        except (ConfigError, CheckpointError, DataError, WriteError) as error:
            # Some messages of configs and data are reports of several lines.
            keep = "\n" if isinstance(error, (ConfigError, DataError)) else ""
            text = printable(last_line(error), keep)
            raise SystemExit(f"error: {text}") from error
        except NumbersError as error:
            # All processes have the same error; the main one prints it.
            text = f"error: {printable(str(error))}"
            raise SystemExit(text if is_main_process() else 1) from error
        except Exception as error:
            if requests.is_listening():
                _stop_listening_to_workers()
            if not requests.number or requests.deferred:
                sentence = _unusable_path(error) or explain(error)
                if sentence is None:
                    raise
                raise SystemExit(f"error: {printable(sentence, keep='')}") from error
            # MMEngine reports any exception while it prints a config as a mistake in
            # the config.
            requests.finish(REQUEUE_CODE)
            raise SystemExit(REQUEUE_CODE) from None
        leave_processes()
        if code is None:
            requests.finish()
    if code is not None:
        raise SystemExit(code)


def _unusable_path(error: Exception) -> str | None:
    if not isinstance(error, OSError) or error.errno not in NAMED:
        return None
    if error.filename is None:
        return None
    return f"{os.fsdecode(error.filename)}: {error.strerror}"


def set_work_dir(cfg: Config, work_dir: str | None, config_path: str | Path) -> None:
    """Choose the work-dir, and check that it can be written.

    The option has precedence over the config's own ``work_dir``, and that over
    ``work_dirs/NAME_OF_THE_CONFIG``.

    Args:
        cfg: The config; changed in place.
        work_dir: Value of the option, or None.
        config_path: The file of the config.

    Raises:
        ConfigError: If the folder cannot be made or written.
    """
    default = os.path.join("work_dirs", Path(config_path).stem)
    cfg.work_dir = work_dir or cfg.get("work_dir") or default
    check_own_folder(cfg.work_dir)
    check_writable(cfg.work_dir)


@contextlib.contextmanager
def writing_into(folder: str | Path) -> Iterator[None]:
    """Raise WriteError for a full disk that the log or another file runs into.

    Args:
        folder: The work-dir.

    Raises:
        WriteError: If a file cannot be written; the message names it, or the folder.
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


def set_launcher(cfg: Config, launcher: str, local_rank: int) -> None:
    """Prepare the config for several processes, and on CPUs join their group.

    Args:
        cfg: The config; changed in place.
        launcher: One of :data:`LAUNCHERS`.
        local_rank: Number of this process on its machine, for launchers that set no
            environment variable.

    Raises:
        ConfigError: If the launcher needs GPUs and there are none, or slurm has not
            started this process.
    """
    cfg.launcher = launcher
    if launcher == "slurm":
        os.environ.update(slurm_environment(os.environ))
    os.environ.setdefault("LOCAL_RANK", str(local_rank))
    if launcher == "none":
        return
    cfg.model_wrapper_cfg = cfg.get("model_wrapper_cfg") or dict(
        type="BucketedDataParallel",
        find_unused_parameters=cfg.get("find_unused_parameters", False),
    )
    if torch.cuda.is_available():
        return
    if launcher not in ("pytorch", "slurm"):
        raise ConfigError(
            f"--launcher {launcher} needs GPUs; without them use pytorch or slurm"
        )
    # MMEngine would choose a GPU for each process, but keeps an existing group.
    torch.distributed.init_process_group("gloo")
    cfg.model_wrapper_cfg.device_ids = None


def init_processes(cfg: Config) -> None:
    """Join the process group before the runner does.

    Args:
        cfg: The config, after :func:`set_launcher`.
    """
    if cfg.get("launcher", "none") != "none" and not is_distributed():
        dist_cfg = (cfg.get("env_cfg") or {}).get("dist_cfg") or {}
        init_dist(cfg.launcher, **dist_cfg)


def leave_processes() -> None:
    """Leave the process group, if there is one, together with the other processes.

    A process that ends early makes another one fail that still communicates with it,
    and so does a wrapped model that outlives the group.
    """
    if is_distributed():
        gc.collect()
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def choose_network(cfg: Config, network: str | Sequence[str]) -> None:
    """Choose the network that predicts.

    Args:
        cfg: The config; changed in place.
        network: Its name; of several, the mean decides.

    Raises:
        ConfigError: If the model has no such network.
    """
    several = "segmentor" in cfg.model or "classifier" in cfg.model
    for name in members(network):
        check_network(name, cfg.model if several else {}, "--network")
    if several:
        cfg.merge_from_dict({"model.test_cfg.predict_with": mean_name(network)})


def show_predictions(
    cfg: Config, show: bool, folder: str | None, wait_time: float
) -> None:
    """Paint predictions during a test.

    Args:
        cfg: The config; changed in place.
        show: Whether to open a window.
        folder: The folder to save them in, or None.
        wait_time: How long a window stays open, in seconds.

    Raises:
        ConfigError: If the config has no hook for it.
    """
    hook = (cfg.get("default_hooks") or {}).get("visualization")
    if hook is None:
        raise ConfigError(
            "--show and --show-dir need the config's default_hooks to have "
            "visualization=dict(type='SegVisualizationHook')"
        )
    if type_of(hook, HOOKS) is SegVisualizationHook:
        hook["type"] = ShownPredictionsHook.__name__
    hook.update(draw=True, show=show, wait_time=wait_time)
    if folder is not None:
        check_own_folder(folder)
        check_writable(folder)
        cfg.visualizer.save_dir = folder


def save_predictions(cfg: Config, folder: str) -> None:
    """Save predicted label maps during a test.

    Args:
        cfg: The config; changed in place.
        folder: The folder to save them in.

    Raises:
        ConfigError: If the folder cannot be written.
    """
    check_own_folder(folder)
    check_writable(folder)
    hooks = list(cfg.get("custom_hooks") or ())
    cfg.custom_hooks = [*hooks, dict(type="SaveMasksHook", folder=folder)]


def use_augmentation(cfg: Config) -> None:
    """Average the predictions of several augmented copies of each test image.

    Args:
        cfg: The config; changed in place.

    Raises:
        ConfigError: If it has no ``tta_model`` or ``tta_pipeline``, or the latter lacks
            a step of the pipeline without augmentation.
    """
    missing = [key for key in ("tta_model", "tta_pipeline") if key not in cfg]
    if missing:
        raise ConfigError(f"--tta: the config has no {' and no '.join(missing)}")
    lacking = [
        step for step in test_pipeline(cfg) if not _is_in(step, cfg.tta_pipeline)
    ]
    if lacking:
        raise ConfigError(
            f"--tta: tta_pipeline has no {lacking[0]}, which the tested pipeline has; "
            "it may differ in sizes and flips only"
        )
    tested = cfg.test_dataloader.dataset
    cfg.test_dataloader.dataset = with_pipeline(tested, cfg.tta_pipeline)
    cfg.tta_model.module = prepared_model(cfg)
    cfg.model = cfg.tta_model


def _is_in(step: Mapping[str, Any], pipeline: Any) -> bool:
    """Whether a pipeline has a step, or an augmentation in its place."""
    if is_type(step, TRANSFORMS, *AUGMENTED):
        return True
    if isinstance(pipeline, (list, tuple)):
        return any(_is_in(step, part) for part in pipeline)
    if not isinstance(pipeline, Mapping):
        return False
    pair = [
        {k: v for k, v in cfg.items() if k not in ("type", "backend_args", SCOPE_KEY)}
        for cfg in (step, pipeline)
    ]
    same = type_of(step, TRANSFORMS) is type_of(pipeline, TRANSFORMS)
    return (same and pair[0] == pair[1]) or _is_in(step, pipeline.get("transforms"))
