"""Handles the signals that stop a training; its exit code asks for a restart."""

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
"""Exit code of a tool that a signal stopped: EX_TEMPFAIL of ``sysexits.h``."""
INTERRUPT_CODE = 130
"""Exit code after Ctrl-C, the same as in shells."""
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)
)
"""Signals by which slurm announces the end of a job; Windows lacks SIGUSR1."""
AFTER = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGUSR1", "SIGHUP")
    if hasattr(signal, name)
)
"""Signals that may follow while a process that stops is still ending."""
GRACE_S = 5.0
"""Seconds after a signal has stopped a process in which others change nothing."""
ECHO_S = 1.0
"""Seconds within which a second Ctrl-C is the launcher's copy of the first."""


class PreemptedError(SystemExit):
    """A signal asked this process to stop; uncaught, it ends the process with its code.

    It is no ``Exception``, so that handlers of broken files do not catch it.

    Args:
        number: Number of the signal.
        message: The checkpoint that was saved, and how to resume.
        together: Whether all processes of the training stop at this point.
    """

    def __init__(self, number: int, message: str, together: bool = False) -> None:
        interrupted = number == signal.SIGINT
        super().__init__(INTERRUPT_CODE if interrupted else REQUEUE_CODE)
        self.message = f"{signal.Signals(number).name}: {message}"
        self.together = together


class StopRequests:
    """Listens for the signals that ask this process to stop.

    Attributes:
        number: The signal that was received, or 0.
        deferred: Whether a signal only sets ``number``, which the training polls;
            otherwise it raises at once: :class:`PreemptedError`, or
            ``KeyboardInterrupt`` for Ctrl-C. A second Ctrl-C always raises.
    """

    def __init__(self) -> None:
        self.number = 0
        self.deferred = False
        self._interrupted_at: float | None = None
        self._stopped_at: float | None = None
        self._process = 0
        self._finished = False
        self._before: dict[int, Any] = {}

    def install(self) -> bool:
        """Install the signal handlers; outside of the main thread, do nothing.

        Returns:
            Whether this call installed them.
        """
        here = threading.current_thread() is threading.main_thread()
        if here and self._finished:  # another tool in the same process
            self.uninstall()
        if not here or (self._before and self._process == os.getpid()):
            return False
        self.number, self.deferred = 0, False
        self._interrupted_at = self._stopped_at = None
        self._process = os.getpid()
        for number in (*SIGNALS, signal.SIGINT):
            self._before[number] = signal.signal(number, self._receive)
        return True

    def is_listening(self) -> bool:
        """Whether signals come to this process, in which handlers are installed."""
        return bool(self._before) and self._process == os.getpid()

    def uninstall(self) -> None:
        """Restore the handlers from before :meth:`install`."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
        self.number, self.deferred, self._finished = 0, False, False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Listen within a block; :meth:`finish` may end that, too."""
        installed = self.install()
        try:
            yield
        finally:
            if installed and not self._finished:
                self.uninstall()

    def finish(self, code: int | None = None) -> None:
        """Let no further signal change the exit code, which is decided.

        Python ends its workers and its libraries afterwards, which takes seconds, and
        then restores the default handlers; signals that are ignored stay so.

        Args:
            code: The exit code with which Ctrl-C ends the process at once; None: as
                before.
        """
        if self._process != os.getpid() or not self._before:
            return
        self._finished = True
        for number in AFTER:
            if number not in self._before:
                self._before[number] = signal.getsignal(number)
            signal.signal(number, signal.SIG_IGN)
        if code is None:
            signal.signal(signal.SIGINT, self._before[signal.SIGINT])
        else:
            signal.signal(signal.SIGINT, lambda number, frame: os._exit(code))

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            _as_if_nobody_listened(number)
        elif number == signal.SIGINT:
            self._interrupt()
        else:
            self.number = number
            if not (self.deferred or self._is_stopping()):
                message = "stopped; the same command goes on"
                raise PreemptedError(number, message)

    def _is_stopping(self) -> bool:
        """Whether a signal has just stopped this process, which cleans up now."""
        now, before = time.monotonic(), self._stopped_at
        if before is not None and now - before < GRACE_S:
            return True
        self._stopped_at = now
        return False

    def _interrupt(self) -> None:
        now, before = time.monotonic(), self._interrupted_at
        if not self.deferred or (before is not None and now - before > ECHO_S):
            raise KeyboardInterrupt
        if before is None:
            self._interrupted_at = now
            self.number = max(self.number, signal.SIGINT)
            # Not print(): the signal may have interrupted one.
            os.write(2, b"\nCtrl-C: a checkpoint follows; once more ends at once\n")


requests = StopRequests()
"""Process-wide singleton, because signals are delivered to a process."""


def protect_workers(dataloader: DataLoader[Any]) -> None:
    """Let a data loader's workers ignore the signals that stop a training.

    Terminals and slurm send a signal to every process of a job; without its workers,
    the training would fail before it can save.

    Args:
        dataloader: A data loader whose workers have not been started yet.
    """
    init = getattr(dataloader, "worker_init_fn", None)
    if hasattr(dataloader, "worker_init_fn") and not isinstance(init, ProtectedWorker):
        dataloader.worker_init_fn = ProtectedWorker(init)


class ProtectedWorker:
    """A ``worker_init_fn`` after which only the parent process can end the worker.

    Args:
        init: Another ``worker_init_fn`` to call, or None.
    """

    def __init__(self, init: Callable[[int], None] | None) -> None:
        self.init = init

    def __call__(self, worker: int) -> None:
        """Prepare this process, which is a worker."""
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
    """Wait until the parent tells this process to end."""
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
