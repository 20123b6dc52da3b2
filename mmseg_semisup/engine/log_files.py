"""Logs that cannot be written: a training goes on without them, and says so once."""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
from collections.abc import Callable
from typing import Any

from mmengine.visualization import Visualizer

from mmseg_semisup.core.distributed import warn

WRITING = ("add_config", "add_graph", "add_image", "add_scalar", "add_scalars", "close")
"""Methods of a visualizer's backend that write into a file or to a server."""


class LogGuard:
    """Turns errors of a run's logs into one warning.

    A text log, TensorBoard's files and the like are no reason to lose hours of
    training. Checkpoints, which are, have their own errors.
    """

    def __init__(self) -> None:
        self._said = False

    def watch_logger(self, logger: logging.Logger) -> None:
        """Watch the file and the console of a logger.

        Args:
            logger: The logger, with its handlers.
        """
        for handler in logger.handlers:
            name = getattr(handler, "baseFilename", "the console")
            vars(handler)["handleError"] = self._handling(name, handler.handleError)

    def watch_backends(self, visualizer: Visualizer) -> None:
        """Watch the backends to which a visualizer writes figures and pictures.

        Args:
            visualizer: The visualizer.
        """
        for backend in visualizer._vis_backends.values():
            for name in WRITING:
                vars(backend)[name] = self._watched(getattr(backend, name))

    def _handling(
        self, name: str, inner: Callable[[logging.LogRecord], None]
    ) -> Callable[[logging.LogRecord], None]:
        def handle(record: logging.LogRecord) -> None:
            error = sys.exc_info()[1]
            if isinstance(error, OSError):
                self._say(name, error)
            else:
                inner(record)

        return handle

    def _watched(self, write: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(write)
        def watched(*args: Any, **kwargs: Any) -> Any:
            try:
                return write(*args, **kwargs)
            except OSError as error:
                self._say(error.filename or "a log of figures", error)

        return watched

    def _say(self, name: str, error: OSError) -> None:
        if self._said:
            return
        self._said = True
        with contextlib.suppress(OSError):
            warn(
                f"{name} cannot be written ({error.strerror or error}): the training "
                "goes on, but its logs will have gaps"
            )
