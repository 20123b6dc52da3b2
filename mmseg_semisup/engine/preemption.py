"""Signals that ask a process to leave, and the exit code that asks for a new start."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from torch.utils.data import DataLoader

REQUEUE_CODE = 75
"""Exit code of a tool that was told to leave: EX_TEMPFAIL of ``sysexits.h``."""
INTERRUPT_CODE = 130
"""Exit code after Ctrl-C, as shells have it."""
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)
)
"""What ends a job: slurm warns with the one or the other; Windows lacks SIGUSR1."""
ECHO_S = 1.0
"""A launcher passes a terminal's Ctrl-C on, so that it arrives twice; in seconds."""


class PreemptedError(SystemExit):
    """This process was told to leave; unless it is caught, it ends with that code.

    It is no ``Exception``: nothing that reports broken files may swallow it.

    Args:
        number: Of the signal.
        message: What was saved, and how to go on.
        together: Whether all processes of the training leave at this point.
    """

    def __init__(self, number: int, message: str, together: bool = False) -> None:
        interrupted = number == signal.SIGINT
        super().__init__(INTERRUPT_CODE if interrupted else REQUEUE_CODE)
        self.message = f"{signal.Signals(number).name}: {message}"
        self.together = together


class StopRequests:
    """Listens to the signals that ask this process to leave.

    Attributes:
        number: The signal that has come, or 0.
        deferred: Whether signals are only noted, for somebody to look at ``number``;
            otherwise they raise at once: :class:`PreemptedError`, or
            ``KeyboardInterrupt`` for Ctrl-C. A second Ctrl-C always raises.
    """

    def __init__(self) -> None:
        self.number = 0
        self.deferred = False
        self._interrupted_at: float | None = None
        self._process = 0
        self._before: dict[int, Any] = {}

    def install(self) -> bool:
        """Begin to listen; nothing happens outside of the main thread.

        Returns:
            Whether this call changed something.
        """
        here = threading.current_thread() is threading.main_thread()
        if not here or (self._before and self._process == os.getpid()):
            return False
        self.number, self.deferred, self._interrupted_at = 0, False, None
        self._process = os.getpid()
        for number in (*SIGNALS, signal.SIGINT):
            self._before[number] = signal.signal(number, self._receive)
        return True

    def uninstall(self) -> None:
        """Let signals do what they did before :meth:`install`."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
        self.number, self.deferred = 0, False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Listen within a block."""
        installed = self.install()
        try:
            yield
        finally:
            if installed:
                self.uninstall()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            _as_if_nobody_listened(number)
        elif number == signal.SIGINT:
            self._interrupt()
        else:
            self.number = number
            if not self.deferred:
                message = "stopped; the same command goes on"
                raise PreemptedError(number, message)

    def _interrupt(self) -> None:
        now, before = time.monotonic(), self._interrupted_at
        if not self.deferred or (before is not None and now - before > ECHO_S):
            raise KeyboardInterrupt
        if before is None:
            self._interrupted_at = now
            self.number = max(self.number, signal.SIGINT)
            # print() may be what was interrupted.
            os.write(2, b"\nCtrl-C: a checkpoint follows; once more ends at once\n")


requests = StopRequests()
"""Those of this process: signals are nobody else's."""


def protect_workers(dataloader: DataLoader[Any]) -> None:
    """Let a data loader's workers survive signals that are meant for the training.

    A terminal, or slurm, sends a signal to every process of a job; a worker that ended
    would make the training fail before it can save.

    Args:
        dataloader: Its workers have not been started yet.
    """
    init = getattr(dataloader, "worker_init_fn", None)
    if hasattr(dataloader, "worker_init_fn") and not isinstance(init, ProtectedWorker):
        dataloader.worker_init_fn = ProtectedWorker(init)


class ProtectedWorker:
    """A ``worker_init_fn``: only the process that started it can end the worker.

    Args:
        init: What else to call with the worker's number.
    """

    def __init__(self, init: Callable[[int], None] | None) -> None:
        self.init = init

    def __call__(self, worker: int) -> None:
        """Prepare this process, a worker."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if hasattr(signal, "SIGUSR1"):
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        if hasattr(signal, "sigwaitinfo"):
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            parent = os.getppid()
            threading.Thread(target=_obey, args=(parent,), daemon=True).start()
        if self.init is not None:
            self.init(worker)


def _obey(parent: int) -> None:
    """Wait until the parent says that this process is to end."""
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != parent:
        pass
    os._exit(0)


def _as_if_nobody_listened(number: int) -> None:
    """Handle a signal in a child that inherited the handler."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    if number == signal.SIGTERM:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
