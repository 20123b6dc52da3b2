"""Tells mistakes in a config from faults of the program, by where they were raised."""

from __future__ import annotations

import errno
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_sharer
from pathlib import Path
from typing import Any

import cv2
import mmengine.registry
import torch
from mmengine.registry import Registry, build_functions

from .text import suggest

PACKAGE = Path(__file__).resolve().parents[1]
SAID = (ValueError, FileNotFoundError, ModuleNotFoundError)
"""Errors of this package that mean a mistake in the config, or a missing file."""
WHILE_BUILDING = (AssertionError, AttributeError, KeyError, OSError, TypeError)
"""Errors that mean a mistake in the config, if a part is built from it meanwhile."""
UNKNOWN = re.compile(r"(\S+) is not in the (?:(\S+)::)?(.+?) registry\. Please check")
KILLED_WORKER = re.compile(
    r"DataLoader worker \(pid(?:\(s\))? [\d, ]+\) (is killed by signal: \w+|exited "
    r"unexpectedly)"
)
"""What torch says when the operating system ended a worker."""
LOST_PROCESS = re.compile(
    r"gloo.*?(Connection closed by peer|Connection reset by peer|Broken pipe)|"
    r"NCCL.*?(remote process exited)",
    re.DOTALL,
)
"""What torch says when another process of the group has gone."""
MEMORY = re.compile(
    r"can't allocate memory|Cannot allocate memory|Unable to allocate|"
    r"Insufficient memory|MemoryError"
)
"""What torch, the operating system, NumPy and OpenCV say when memory runs out."""
PREFIX = re.compile(r"^class `(\w+)` in \S+?: ")


def explain(error: Exception) -> str | None:
    """The sentence for a user who made a mistake in a config.

    An error of :data:`SAID` that this package raises, and any error while a part is
    built from its config, is such a mistake; so is a process of the training that was
    killed, and memory that ran out.

    Args:
        error: The error, with its traceback.

    Returns:
        One sentence; None for other errors.
    """
    frames = traceback.extract_tb(error.__traceback__)
    killed = KILLED_WORKER.search(str(error))
    vanished = isinstance(error, (EOFError, OSError)) and any(
        frame.filename == resource_sharer.__file__ for frame in frames
    )
    if vanished or (killed and isinstance(error, RuntimeError)):
        how = killed.group(1) if killed else "while it sent a batch"
        return (
            f"a process that loads data ended ({how}): if its memory ran "
            "out, lower num_workers, batch_size or prefetch_factor; the same command "
            "with --resume goes on from the last checkpoint"
        )
    lost = LOST_PROCESS.search(str(error))
    if lost and isinstance(error, RuntimeError):
        return (
            "another process of this training has ended "
            f"({next(filter(None, lost.groups()))}); its own message says why. "
            "The same command with --resume goes on from the last checkpoint"
        )
    if _is_memory(error):
        return (
            f"memory ran out ({_reason(error)}): lower batch_size, num_workers or the "
            "size of the crops; the same command with --resume goes on from the last "
            "checkpoint"
        )
    builds = any(frame.filename == build_functions.__file__ for frame in frames)
    own = bool(frames) and _says(frames[-1])
    if (isinstance(error, SAID) and own) or (isinstance(error, ValueError) and builds):
        return one_line(error)
    if isinstance(error, WHILE_BUILDING) and builds:
        return f"{_built_by(error)}{one_line(error)}"
    return None


@contextmanager
def workers_told_once() -> Iterator[None]:
    """Leave out what Python prints of a killed worker and then ignores.

    torch raises wherever the program is when the signal comes, also in callbacks of
    Python, from which no exception gets out. The data loader misses the worker later,
    and :func:`explain` tells of that.
    """
    before = sys.unraisablehook

    def tell(found: Any) -> None:
        if KILLED_WORKER.search(str(found.exc_value)) is None:
            before(found)

    sys.unraisablehook = tell
    try:
        yield
    finally:
        sys.unraisablehook = before


def _is_memory(error: Exception) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    told = isinstance(error, (RuntimeError, cv2.error)) and not isinstance(error, SAID)
    return told and MEMORY.search(_reason(error)) is not None


def _reason(error: Exception) -> str:
    """The line that says what happened; that of a worker comes after its traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[-1 if "Original Traceback" in str(error) else 0]


def _says(frame: traceback.FrameSummary) -> bool:
    """Whether a frame is a statement of this package that raises an error."""
    inside = PACKAGE in Path(frame.filename).resolve().parents
    return inside and (frame.line or "").startswith("raise")


def one_line(error: Exception) -> str:
    """The message of an error in one line, with the nearest name of an unknown type.

    Args:
        error: Any error; of a ``KeyError``, the text alone is used.
    """
    text = str(error.args[0]) if error.args else ""
    if isinstance(error, OSError):
        text = str(error)
    text = " ".join(text.split())
    unknown = UNKNOWN.search(text)
    if unknown:
        kind, _, registry = unknown.groups()
        return unknown_type(kind, registry)
    while PREFIX.match(text):
        text = PREFIX.sub(r"\1: ", text, count=1)
    return text or type(error).__name__


def last_line(error: BaseException) -> str:
    """The message of an error, also of one that a data loader's worker sent.

    Args:
        error: The error; torch puts a worker's traceback in front of its message.
    """
    text = str(error)
    if not text.startswith("Caught ") or "Original Traceback" not in text:
        return text
    kind = type(error).__name__
    return text.rpartition(f"{kind}: ")[2].strip() or text


def unknown_type(kind: str, registry: str) -> str:
    """The sentence about a type that is not registered, with the nearest name.

    Args:
        kind: What a config says.
        registry: Name of the registry, e.g. 'model'.
    """
    hint = suggest(kind, names(registry)).strip()
    text = f"type={kind!r} is not a registered {registry}"
    return f"{text}; {hint}" if hint else text


def _built_by(error: Exception) -> str:
    """Name of the part whose arguments were refused, and a colon."""
    if not isinstance(error, TypeError) or PREFIX.match(str(error)):
        return ""
    owner = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == build_functions.__file__:
            owner = frame.f_locals.get("obj_cls", owner)
    name = getattr(owner, "__name__", "")
    return f"{name}: " if name else ""


def names(kind: str) -> list[str]:
    """All names that are registered for a kind of parts, in any package.

    Args:
        kind: Name of the registry, e.g. 'model'.
    """
    found: dict[str, None] = {}
    for root in vars(mmengine.registry).values():
        if isinstance(root, Registry) and root.name == kind:
            for registry in _with_children(root):
                found.update(dict.fromkeys(registry.module_dict))
    return list(found)


def _with_children(registry: Registry) -> Iterator[Registry]:
    yield registry
    for child in registry.children.values():
        yield from _with_children(child)
