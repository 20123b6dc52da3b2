"""Shows how far the trainings of a study are: a live table, or lines of a log."""

from __future__ import annotations

import heapq
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO

from mmseg_semisup.core.terminal import printable
from mmseg_semisup.core.text import duration
from mmseg_semisup.report.log import Log

from .training import Training

LIVE_S, LINES_S = 1.0, 60.0
"""Seconds between two pictures on a terminal, and two lines of a log."""
MARKS = {"finished": "done", "running": "running", "failed": "FAILED", "waiting": ""}


class Board:
    """A watcher that shows one line a training on a terminal, and a few in a log.

    Args:
        trainings: All trainings of the study.
        jobs: How many run at a time.
        stream: Where it is shown; None: the standard output.
        live: Whether the lines are replaced; None: if ``stream`` is a terminal.
    """

    def __init__(
        self,
        trainings: Sequence[Training],
        jobs: int,
        stream: IO[str] | None = None,
        live: bool | None = None,
    ) -> None:
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty() if live is None else live
        if self._live and stream is None:
            # The tools' own stream escapes the codes that move the cursor.
            self._stream = sys.__stdout__ or sys.stdout
        self.trainings = trainings
        self.jobs = jobs
        self._paces: dict[str, float] = {}
        self._drawn = 0
        self._last = time.monotonic() - LINES_S + 10.0

    def began(self, training: Training) -> None:
        """Say that a training begins."""
        again = f", from iteration {training.first_iteration}"
        where = again if training.first_iteration else ""
        self.say(f"{training.name} begins{where}")

    def ended(self, training: Training) -> None:
        """Say how a training has ended."""
        result = training.state.result
        if result is None:
            self.say(f"{training.name} FAILED: {training.problem}")
            return
        scores = result["networks"][result["predicts"]]
        self.say(
            f"{training.name} is finished: mIoU {scores['last']:.1f}, best "
            f"{scores['best']:.1f} at {scores['best_at']}; {self._summary()}"
        )

    def say(self, text: str) -> None:
        """Print a line above the table."""
        self._clear()
        self._write(f"{time.strftime('%H:%M:%S')} {printable(text, keep='')}\n")

    def show(self, now: bool = False) -> None:
        """Show the table, or a line, if it is time.

        Args:
            now: Whether it is time in any case.
        """
        interval = LIVE_S if self._live else LINES_S
        if not now and time.monotonic() < self._last + interval:
            return
        self._last = time.monotonic()
        logs = {t.name: t.log() for t in self.trainings if t.status == "running"}
        self._note_paces(logs)
        if not self._live:
            parts = [self._describe(t, logs[t.name]) for t in self._running()]
            self.say(" | ".join([self._summary(logs), *parts]))
            return
        size = shutil.get_terminal_size()
        lines = self._lines(logs, size.lines - 2)
        self._clear()
        self._write("".join(f"{line[: size.columns - 1]}\n" for line in lines))
        self._drawn = len(lines)

    def close(self) -> None:
        """Leave the last table where it is."""
        if self._live:
            self.show(now=True)
            self._drawn = 0

    def seconds_left(self, logs: Mapping[str, Log]) -> float | None:
        """Estimate the seconds until all trainings have ended; None: unknown.

        A training that has not begun is as fast as others of its method, or as the mean
        of all.

        Args:
            logs: The logs of the running trainings.
        """
        if not self._paces:
            return None
        by_method: dict[str, list[float]] = {}
        for training in self.trainings:
            if training.name in self._paces:
                pace = self._paces[training.name]
                by_method.setdefault(training.cell.method, []).append(pace)
        mean = sum(self._paces.values()) / len(self._paces)
        ends: list[float] = []
        begun: list[float] = []
        for training in self.trainings:
            known = by_method.get(training.cell.method, [mean])
            pace = self._paces.get(training.name, sum(known) / len(known))
            if training.status == "running":
                done = logs[training.name].iteration if training.name in logs else 0
                begun.append(pace * (training.cell.iterations - done))
            elif training.status == "waiting":
                ends.append(pace * training.cell.iterations)
        queue = begun + [0.0] * max(0, self.jobs - len(begun))
        heapq.heapify(queue)
        for seconds in ends:
            heapq.heappush(queue, heapq.heappop(queue) + seconds)
        return max(queue, default=0.0)

    def _note_paces(self, logs: Mapping[str, Log]) -> None:
        for training in self.trainings:
            log = logs.get(training.name)
            pace = training.seconds_per_iteration(log.iteration if log else 0)
            if pace is not None:
                self._paces[training.name] = pace

    def _running(self) -> list[Training]:
        return [t for t in self.trainings if t.status == "running"]

    def _summary(self, logs: Mapping[str, Log] | None = None) -> str:
        counts = {
            status: sum(t.status == status for t in self.trainings) for status in MARKS
        }
        parts = [f"{counts['finished']} of {len(self.trainings)} finished"]
        parts += [f"{counts[s]} {s}" for s in ("running", "failed") if counts[s]]
        left = self.seconds_left(logs) if logs is not None else None
        if left:
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)

    def _lines(self, logs: Mapping[str, Log], height: int) -> list[str]:
        """The table; if it is too high, without what waits and what is finished."""
        shown = list(self.trainings)
        if len(shown) + 1 > height:
            order = ("running", "failed", "waiting", "finished")
            shown.sort(key=lambda training: order.index(training.status))
            shown = shown[: max(1, height - 1)]
        width = max(len(training.name) for training in self.trainings)
        lines = []
        for training in shown:
            log = logs.get(training.name)
            parts = [f"{training.name:{width}}", f"{MARKS[training.status]:7}"]
            if training.state.result is not None:
                result = training.state.result
                scores = result["networks"][result["predicts"]]
                parts.append(f"mIoU {scores['last']:.1f}")
            elif log is not None:
                parts.append(self._position(training, log))
            elif training.problem:
                parts.append(printable(training.problem, keep=""))
            lines.append("  ".join(parts).rstrip())
        return [*lines, self._summary(logs)]

    def _describe(self, training: Training, log: Log) -> str:
        return f"{training.name} {self._position(training, log)}"

    def _position(self, training: Training, log: Log) -> str:
        cell = training.cell
        parts = [f"{log.iteration}/{cell.iterations}"]
        parts += [
            f"mIoU {v:.1f}" for v in [*log.scores.get(cell.predicts, {}).values()]
        ][-1:]
        pace = self._paces.get(training.name)
        if pace is not None:
            left = pace * (cell.iterations - log.iteration)
            parts.append(f"{duration(left)} left")
        return ", ".join(parts)

    def _clear(self) -> None:
        """Remove the table, so that something else takes its place."""
        if self._drawn:
            self._write(f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
