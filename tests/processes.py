"""Functions and tools in processes of their own: forked, killed, or in a pair.

Importing the package takes longer than most tests. ``fork`` copies the test's process;
the pair and the tools come from a server that has imported the package once.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import runpy
import socket
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.registry import init_default_scope
from yapf.yapflib import yapf_api

import mmseg_semisup  # noqa: F401, a process of the pair starts without conftest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "tools"
STARTUP = ROOT / "tests" / "startup"
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


def environment(**changes: str) -> dict[str, str]:
    """Variables for a Python that a test starts, which finds this very package."""
    folders = (Path(sys.executable).parent, os.environ["PATH"])
    own = {
        "PATH": os.pathsep.join(map(str, folders)),
        "PYTHONPATH": os.pathsep.join(map(str, (STARTUP, ROOT))),
        "PYTHONWARNINGS": "ignore",
        "OMP_NUM_THREADS": "1",
    }
    return os.environ | own | changes


def free_port() -> str:
    """A port at which processes can meet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


class Started:
    """A tool in a process of its own; what ``Popen`` has, as far as tests need it.

    It comes from the server, too, and leaves out what ``tests/startup`` leaves out.

    Args:
        tool: The name of a file in ``tools``.
        arguments: As on the command line.
        environment: Variables in addition to the server's.

    It begins in the current folder.
    """

    def __init__(self, tool: str, *arguments: object, **environment: str) -> None:
        descriptor, output = tempfile.mkstemp()
        os.close(descriptor)
        self._output = Path(output)
        given = (tool, list(map(str, arguments)), environment, output, os.getcwd())
        context = multiprocessing.get_context("forkserver")
        self._process = context.Process(target=_run_tool, args=given)
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, minus the signal that ended it, or None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def communicate(self, timeout: float) -> str:
        """Wait until it has ended, at most so many seconds; returns what it printed."""
        self._process.join(timeout)
        text = self._output.read_text()
        assert self.returncode is not None, text
        self._output.unlink()
        return text


def popen(command: list[object], **_: object) -> Any:
    """What a notebook needs of ``Popen``: ``stdout`` and ``wait`` of a tool."""
    _, tool, *arguments = command
    started = Started(Path(str(tool)).name, *arguments)
    lines = started.communicate(timeout=600).splitlines(keepends=True)
    return SimpleNamespace(stdout=lines, wait=lambda: started.returncode)


def _run_tool(
    tool: str, arguments: list[str], environment: dict[str, str], output: str, cwd: str
) -> None:
    gc.freeze()
    os.chdir(cwd)
    os.environ.update(environment)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    yapf_api.FormatCode = lambda text, **_: (text, True)
    descriptor = os.open(output, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    sys.argv = [tool, *arguments]
    runpy.run_path(str(TOOLS / tool), run_name="__main__")
