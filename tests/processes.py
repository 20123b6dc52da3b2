"""Functions of tests in processes of their own: forked, killed, or in a pair.

Nothing here imports the package again: ``fork`` copies the test's process, and the pair
comes from a server that has imported it once.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.registry import init_default_scope

import mmseg_semisup  # noqa: F401, a process of the pair starts without conftest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "tools"
PRELOADED = ("mmseg_semisup", "mmseg.apis", "torch._dynamo", "pytest")
multiprocessing.set_forkserver_preload(list(PRELOADED))


def in_two_processes(function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Run a function in each of two processes that form one group.

    The processes are those of a server that never trained: a copy of the test's own
    could not use a GPU.

    Args:
        function: Gets the number of its process, 0 or 1, and the arguments. It is sent
            by name, so that it stands at the top of a module.
        arguments: Anything that can be pickled.

    Returns:
        What the function returned in each process, on the CPU.

    Raises:
        mp.ProcessRaisedException: If it failed in one, with the traceback; the other
            one is ended.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = (function, arguments, folder)
        mp.start_processes(_member, given, nprocs=2, start_method="forkserver")
        files = [folder / f"{rank}.pth" for rank in range(2)]
        return [torch.load(file, weights_only=False) for file in files]


def _member(
    rank: int, function: Callable[..., Any], arguments: tuple, folder: Path
) -> None:
    gc.freeze()
    torch.set_num_threads(1)
    init_default_scope("mmseg")
    with process_group(rank, 2, folder / "store"):
        torch.save(function(rank, *arguments), folder / f"{rank}.pth")


@contextlib.contextmanager
def process_group(rank: int, size: int, store: Path) -> Iterator[None]:
    """This process as one of several, which meet at a file."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(size))
    address = f"file://{store}"
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=size)
    yield
    if dist.is_initialized():
        # A distributed wrapper that outlives its group sometimes waits for ever.
        gc.collect()
        dist.barrier()
        dist.destroy_process_group()


def in_child(function: Callable[[], object]) -> int:
    """Run a function in a forked process; returns its exit code, or minus a signal."""
    return wait(fork(function))


def fork(function: Callable[[], object]) -> int:
    """Start a function in a forked process; returns the number of the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    # Collections would walk over, and copy, all that the parent has.
    gc.freeze()
    code = 1
    try:
        function()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(child: int) -> int:
    """The exit code of a forked process, or minus the signal that ended it."""
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def start(tool: str, *arguments: object, **environment: str) -> subprocess.Popen:
    """Start a tool in a process of its own."""
    own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [sys.executable, str(TOOLS / tool), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | own | environment,
    )
