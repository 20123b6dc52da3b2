"""What is done of a store that is being written, across kills and processes."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import get_world_size, is_main_process

from mmseg_semisup.core.atomic_io import TEMPORARY_PREFIX, atomic_write
from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.datasets.lists import some
from mmseg_semisup.datasets.pseudo_mask_store import KINDS, Store

from .images import Item

REQUEST = "request.json"


def begin(store: Store, request: Mapping[str, Any]) -> None:
    """Prepare a store for masks, new or begun before.

    Args:
        store: The store; its manifest does not exist.
        request: What the masks depend on, for JSON.

    Raises:
        StoreError: If the folder holds something else.
    """
    path = store.progress / REQUEST
    if path.is_file() and any(p.stat().st_size for p in _journals(store)):
        begun = json.loads(path.read_text(encoding="utf-8"))
        compare_requests(store, begun, request)
        for kind in KINDS:
            _remove_partial(store, kind)
        return
    for kind in KINDS:
        folder = store.folder / kind
        _remove_partial(store, kind)
        if not path.is_file() and folder.is_dir() and any(folder.iterdir()):
            raise StoreError(
                f"{folder} holds files already, and nothing says how they were made; "
                "choose another folder"
            )
    atomic_write(path, json.dumps(request, indent=1).encode())


def compare_requests(
    store: Store, begun: Mapping[str, Any], request: Mapping[str, Any]
) -> None:
    """Raise StoreError if masks were made, or begun, in another way."""
    differing = [
        f"{key} was {_short(begun.get(key))} and is {_short(value)}"
        for key, value in request.items()
        if begun.get(key) != value
    ]
    if differing:
        raise StoreError(
            f"{store.folder} holds masks that were made in another way: "
            + "; ".join(differing)
            + ". Choose another folder, or remove this one"
        )


class Journal:
    """Lines about finished batches, appended by one process.

    Args:
        store: The store.
        rank: Number of the process; each has a file of its own.

    Raises:
        OSError: If the file cannot be written.
    """

    def __init__(self, store: Store, rank: int) -> None:
        self._file = (store.progress / f"{rank}.jsonl").open("ab")
        if self._file.tell():
            # The last line of a killed process may have no end.
            self._file.write(b"\n")

    def append(self, line: Mapping[str, Any]) -> None:
        """Note a batch whose files are complete."""
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_journals(store: Store, plan: Sequence[Sequence[Item]]) -> dict[int, dict]:
    """The finished batches whose files are still there, by their number.

    Args:
        store: The store.
        plan: All batches.
    """
    done: dict[int, dict] = {}
    for path in _journals(store):
        for text in path.read_bytes().splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            records = line["images"]
            ids = [record["id"] for record in records]
            if ids != [item.id for item in plan[line["batch"]]]:
                raise StoreError(f"{path} is of other images; remove {store.folder}")
            if all(_is_there(store, record) for record in records):
                done[line["batch"]] = line
    return done


def end(store: Store, manifest: Mapping[str, Any]) -> None:
    """Write the manifest, and remove what led to it."""
    atomic_write(store.manifest_path, _readable(manifest).encode())
    shutil.rmtree(store.progress, ignore_errors=True)


def _journals(store: Store) -> list[Path]:
    return sorted(store.progress.glob("*.jsonl"))


def _readable(manifest: Mapping[str, Any]) -> str:
    """JSON with one line a key, and one an image."""
    lines = []
    for key, value in manifest.items():
        text = json.dumps(value)
        if key == "images":
            text = "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"
        lines.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _is_there(store: Store, record: Mapping[str, Any]) -> bool:
    for kind in KINDS:
        if kind not in record:
            continue
        try:
            size = os.stat(store.path(kind, record["id"])).st_size
        except OSError:
            return False
        if size != record[kind]["bytes"]:
            return False
    return True


def _remove_partial(store: Store, kind: str) -> None:
    for leftover in (store.folder / kind).rglob(f"{TEMPORARY_PREFIX}*"):
        leftover.unlink(missing_ok=True)


def _short(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{some(value, 3)}]"
    text = json.dumps(value)
    return text if len(text) < 100 else f"{text[:97]}..."


class Progress:
    """Lines of progress with the time that is left."""

    def __init__(
        self,
        before: int,
        mine: int,
        left: int,
        report: Callable[[str], None] | None,
    ) -> None:
        self.before, self.mine, self.left = before, mine, left
        self.report = report
        self.done = 0
        self.start = self.last = time.perf_counter()

    def advance(self, count: int) -> None:
        """Some more of this process's images are finished."""
        self.done += count
        now = time.perf_counter()
        interval = 1 if sys.stdout.isatty() else 10
        is_early = now - self.last < interval and self.done < self.mine
        if self.report is None or is_early:
            return
        self.last = now
        pace = (now - self.start) / self.done
        # The other processes are about as far.
        total = self.before + self.left
        current = self.before + round(self.left * self.done / self.mine)
        filled = round(20 * current / total)
        self.report(
            f"[{'#' * filled}{'.' * (20 - filled)}] {current}/{total} pseudo-masks, "
            f"{1 / pace * get_world_size():.1f} a second, "
            f"{pace * (self.mine - self.done):.0f} s left"
        )


def show_progress(line: str) -> None:
    """Print a line of the main process: over the last one of a terminal, else below."""
    if is_main_process():
        end = "\r" if sys.stdout.isatty() else "\n"
        print(f"{line:<78}", end=end, flush=True)
