"""Faults of a training: where they strike, what they do, and how it may end then.

A training stops itself (SIGSTOP) when it has reached a place for the n-th time; its
parent does the damage and lets it go on.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.runner import Runner

from mmseg_semisup.core.find_checkpoint import list_checkpoints

PLACES = {
    "before_run": 1,
    "after_load_checkpoint": 1,
    "before_train_iter": 6,
    "after_train_iter": 6,
    "before_val_iter": 4,
    "before_save_checkpoint": 3,
    "fsync": 12,
    "replace": 12,
}
"""Hooks and system calls, and how often a training may pass each before a fault."""
SIGNALS = {
    "SIGTERM": (signal.SIGTERM,),
    "SIGUSR1": (signal.SIGUSR1,),
    "SIGINT": (signal.SIGINT,),
    "SIGTERM twice": (signal.SIGTERM, signal.SIGTERM),
    "SIGUSR1, SIGTERM": (signal.SIGUSR1, signal.SIGTERM),
    "SIGINT twice": (signal.SIGINT, signal.SIGINT),
    "SIGKILL": (signal.SIGKILL,),
    "SIGTERM, SIGKILL": (signal.SIGTERM, signal.SIGKILL),
}
CODES = {
    signal.SIGTERM: 75,
    signal.SIGUSR1: 75,
    signal.SIGINT: 130,
    signal.SIGKILL: -signal.SIGKILL,
}
FOLDER = "a folder"
DAMAGES = ("cut off", "one bit", "empty", FOLDER)
OTHERS = ("full disk", "worker killed", "second training")
KINDS = (*SIGNALS, *DAMAGES, *OTHERS)
SHARER = re.compile(
    r"Traceback \(most recent call last\):\n"
    r"  File \".*resource_sharer\.py\".*\n(?:  .*\n)*(?:EOFError|Connection\w*Error).*"
)
"""What Python prints in another worker, to whom the training spoke as it ended."""
WORKERS = {"worker killed": 1, "full disk": 0}
"""Processes that load data, where that matters: the limit that stands for a full disk
holds for their shared memory, too."""
GAPS = (0.0, 0.02, 0.3, 1.2)
"""Seconds between two signals; Ctrl-C a second after the first ends at once."""
FULL = "cannot write"
WORKER = "a process that loads data ended"
NONE_WHOLE = "can be used"
CHANGED = "has changed since its stage was finished"


class Fault(NamedTuple):
    """One fault.

    Attributes:
        kind: One of :data:`KINDS`.
        place: Key of :data:`PLACES`, or 'time'.
        count: How often the place is passed before; of 'time', seconds.
        gap: Seconds before a second signal.
        size: Bytes of the largest file that fits a full disk.
        slow: Seconds that each fsync and rename takes; 0: as long as it takes.
        clock: Seconds by which the clock is wrong; jumps back when the fault strikes.
        workers: Processes that load data.
    """

    kind: str
    place: str
    count: float
    gap: float
    size: int
    slow: float
    clock: float
    workers: int

    def __str__(self) -> str:
        where = f"{self.place} {self.count:.2g}"
        killed = "checkpoint {}, SIGKILL" if self.kind in DAMAGES else "{}"
        text = f"{killed.format(self.kind)} at {where}"
        slow = f", disk {1000 * self.slow:.0f} ms slower" if self.slow else ""
        clock = f", clock {self.clock / 3600:+.0f} h" if self.clock else ""
        return f"{text}{slow}{clock}"

    def may_end(self, code: int, output: str) -> bool:
        """Whether a training may end like this after the fault."""
        if code == 0:
            return True
        output = SHARER.sub("", output)
        lines = output.splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        if code == 1:
            said = errors[0] if len(errors) == 1 else ""
            known = {"full disk": FULL, "worker killed": WORKER, FOLDER: FULL}
            expected = (known.get(self.kind, NONE_WHOLE), NONE_WHOLE, CHANGED)
            right = any(words in said for words in expected)
            return right and "Traceback" not in output
        numbers = SIGNALS.get(self.kind, ())
        if code == -signal.SIGKILL:
            return signal.SIGKILL in numbers or self.kind in DAMAGES
        quiet = "Traceback" not in output or code == CODES[signal.SIGINT]
        return code in {CODES[number] for number in numbers} and quiet and not errors


def draw(kind: str, pick: random.Random) -> Fault:
    """A fault of a kind, with the rest at random."""
    place = pick.choice((*PLACES, "time", "time"))
    often = PLACES.get(place, 0)
    return Fault(
        kind,
        place,
        pick.randint(1, often) if often else pick.uniform(0, 1.5),
        pick.choice(GAPS),
        pick.randint(20_000, 60_000),
        pick.choice((0, 0, 0, 0.01, 0.05)),
        pick.choice((0, 0, 0, -1e8, -4000, 7200, 1e9)),
        WORKERS.get(kind, pick.choice((0, 0, 1))),
    )


def prepare(fault: Fault | None) -> None:
    """Let this process, a training, stop at the place of its fault.

    Before a fault that comes after a time, it stops at once.
    """
    reached: dict[str, int] = {}
    now = time.time

    def pass_by(place: str) -> None:
        reached[place] = reached.get(place, 0) + 1
        if fault is None or (place, reached[place]) != (fault.place, fault.count):
            return
        time.time = lambda: now() - fault.clock
        os.kill(os.getpid(), signal.SIGSTOP)

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            pass_by(name)
            time.sleep(fault.slow if fault else 0)
            return function(*args, **kwargs)

        return call

    os.fsync, os.replace = watched("fsync", os.fsync), watched("replace", os.replace)
    call_hook = Runner.call_hook

    def call_and_pass(self: Runner, fn_name: str, **kwargs: Any) -> None:
        call_hook(self, fn_name, **kwargs)
        if fn_name in PLACES:
            pass_by(fn_name)

    Runner.call_hook = call_and_pass
    if fault is not None and fault.clock:
        time.time = lambda: now() + fault.clock
    if fault is not None and fault.place == "time":
        os.kill(os.getpid(), signal.SIGSTOP)


def strike(
    fault: Fault, child: int, workers: Callable[[], list[int]], second: Callable
) -> None:
    """Do the damage while a training is stopped, and let it go on.

    Args:
        fault: The fault.
        child: The training's process.
        workers: Gives the numbers of its processes that load data.
        second: Starts another training there, and returns when it has ended.
    """
    if fault.kind == "full disk":
        limits = resource.prlimit(child, resource.RLIMIT_FSIZE)
        resource.prlimit(child, resource.RLIMIT_FSIZE, (fault.size, limits[1]))
    elif fault.kind == "worker killed":
        for worker in workers()[:1]:
            os.kill(worker, signal.SIGKILL)
    elif fault.kind == "second training":
        second()
    ends = (signal.SIGKILL if fault.kind in DAMAGES else signal.SIGCONT,)
    first, *others = SIGNALS.get(fault.kind, ends)
    os.kill(child, first)
    os.kill(child, signal.SIGCONT)
    for number in others:
        time.sleep(fault.gap)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)


def damage(kind: str, folder: Path, pick: random.Random) -> Path | None:
    """Damage the newest checkpoint of a folder; returns it, None if there is none."""
    path = next(iter(list_checkpoints(folder)), None)
    if path is None or not path.is_file():
        return None
    content = bytearray(path.read_bytes())
    if kind == FOLDER:
        path.unlink()
        path.mkdir()
        return path
    if kind == "cut off" and len(content) > 1:
        del content[pick.randrange(1, len(content)) :]
    elif kind == "empty":
        content.clear()
    elif content:
        content[pick.randrange(len(content))] ^= 1 << pick.randrange(8)
    path.write_bytes(content)
    return path


def shift_times(work: Path, seconds: float) -> None:
    """Let all files of a folder be older or newer than they are."""
    for path in work.rglob("*"):
        with contextlib.suppress(OSError):
            then = path.lstat().st_mtime + seconds
            os.utime(path, (then, then), follow_symlinks=False)


def tidy(work: Path, output: str) -> None:
    """Do what the line of an error asks for: remove what cannot be used."""
    for path in work.rglob("*.pth"):
        if path.is_dir():
            shutil.rmtree(path)
    if CHANGED in output:
        for folder in filter(Path.is_dir, list(work.iterdir())):
            shutil.rmtree(folder)
    if NONE_WHOLE in output:
        for name in ("*.pth", "last_checkpoint"):
            for path in work.rglob(name):
                if str(path.parent) in output:
                    path.unlink()
