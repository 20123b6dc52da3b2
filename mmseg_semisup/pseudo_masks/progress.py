"""Records the progress of a store, across kills and processes."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import get_world_size, is_main_process

from mmseg_semisup.core.atomic_io import TEMPORARY_PREFIX, append_to, atomic_write
from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.core.plain_files import read_plain
from mmseg_semisup.core.records import (
    RecordError,
    check_form,
    parse_record,
    read_record,
)
from mmseg_semisup.core.text import shorten
from mmseg_semisup.datasets.pseudo_mask_store import KINDS, Store

from .images import Item
from .statistics import Statistics, sum_by_source
from .writer import Finished

REQUEST = "request.json"
FILE = {"bytes": int, "crc32": int}
LINE = {
    "batch": int,
    "images": [{"id": str, "masks?": FILE, "confidence?": FILE}],
    "statistics": {str: {str: object}},
}
"""Form of a line of a journal, see :mod:`~mmseg_semisup.core.records`."""


def begin(store: Store, request: Mapping[str, Any]) -> None:
    """Prepare a new or an unfinished store for masks.

    Args:
        store: The store; its manifest does not exist.
        request: Everything that the masks depend on, for JSON.

    Raises:
        StoreError: If the folder holds other files.
    """
    path = store.progress / REQUEST
    folders = [store.folder / kind for kind in KINDS]
    for leftover in (f for each in folders for f in each.rglob(f"{TEMPORARY_PREFIX}*")):
        leftover.unlink(missing_ok=True)
    if path.is_file() and any(journal.stat().st_size for journal in _journals(store)):
        try:
            begun = read_record(path, {str: object})
        except RecordError as error:
            raise StoreError(
                f"{path} does not say how the masks were made: {error}; remove "
                f"{store.folder}"
            ) from error
        compare_requests(store, begun, request)
        return
    for folder in folders:
        if not path.is_file() and folder.is_dir() and any(folder.iterdir()):
            raise StoreError(
                f"{folder} holds files already, and nothing says how they were made; "
                "choose another folder"
            )
    atomic_write(path, json.dumps(request, indent=1).encode())


def compare_requests(
    store: Store, begun: Mapping[str, Any], request: Mapping[str, Any]
) -> None:
    """Raise StoreError if the present masks were made with another request."""
    differing = differences(begun, request)
    if differing:
        raise StoreError(
            f"{store.folder} holds masks that were made in another way: {differing}. "
            "Choose another folder, or remove this one"
        )


def differences(begun: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """What differs between two requests, as 'KEY was VALUE and is VALUE', or nothing.

    Args:
        begun: The former one.
        request: The present one, whose keys are compared.
    """
    return "; ".join(
        f"{key} was {_short(begun.get(key))} and is {_short(value)}"
        for key, value in request.items()
        if begun.get(key) != value
    )


@contextmanager
def open_journal(
    store: Store, rank: int
) -> Iterator[Callable[[int, Sequence[Finished]], None]]:
    """Open the journal in which a process records its finished batches.

    Args:
        store: The store.
        rank: Number of the process.

    Yields:
        A function that records a batch, given its number and its finished images.

    Raises:
        OSError: If the file cannot be written.
    """
    with append_to(store.progress / f"{rank}.jsonl") as file:
        if file.tell():
            # The last line of a killed process may be incomplete.
            file.write(b"\n")

        def note(number: int, images: Sequence[Finished]) -> None:
            totals = sum_by_source((i.record["source"], i.statistics) for i in images)
            line = {
                "batch": number,
                "images": [image.record for image in images],
                "statistics": {k: total.to_json() for k, total in totals.items()},
            }
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()

        yield note


def read_journals(
    store: Store, plan: Sequence[Sequence[Item]]
) -> dict[int, dict[str, Any]]:
    """Read the finished batches whose files still exist, by number.

    Args:
        store: The store.
        plan: All batches.

    Raises:
        StoreError: If a journal has another form, or is of other images.
    """
    done: dict[int, dict[str, Any]] = {}
    for path in _journals(store):
        try:
            lines = read_plain(path).splitlines()
        except OSError as error:
            raise StoreError(f"{error}; remove {store.folder}") from error
        for row, text in enumerate(lines, 1):
            try:
                line = parse_record(text)
            except RecordError:
                # A killed process leaves half of a line.
                continue
            try:
                check_form(line, LINE)
                records = line["images"]
                ids = [record["id"] for record in records]
                if not 0 <= line["batch"] < len(plan):
                    raise RecordError(f"batch is {line['batch']} of {len(plan)}")
                for values in line["statistics"].values():
                    Statistics.from_json(values)
            except (RecordError, TypeError, ValueError) as error:
                raise StoreError(
                    f"{path}: line {row} is no record of finished masks: {error}; "
                    f"remove {store.folder}"
                ) from error
            same = ids == [item.id for item in plan[line["batch"]]]
            whole = same and all(_is_there(store, record) for record in records)
            if not same:
                raise StoreError(f"{path} is of other images; remove {store.folder}")
            if whole:
                done[line["batch"]] = line
    return done


def end(store: Store, manifest: Mapping[str, Any]) -> None:
    """Write the manifest, and remove the journals."""
    atomic_write(store.manifest_path, _readable(manifest).encode())
    shutil.rmtree(store.progress, ignore_errors=True)


def _journals(store: Store) -> list[Path]:
    return sorted(store.progress.glob("*.jsonl"))


def _readable(manifest: Mapping[str, Any]) -> str:
    """JSON with one line for each key and each image."""
    lines = []
    for key, value in manifest.items():
        text = json.dumps(value)
        if key == "images":
            text = "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"
        lines.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _is_there(store: Store, record: Mapping[str, Any]) -> bool:
    try:
        return all(
            os.stat(store.path(kind, record["id"])).st_size == record[kind]["bytes"]
            for kind in KINDS
            if kind in record
        )
    except OSError:
        return False


def _short(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{shorten(value, 3)}]"
    text = json.dumps(value)
    return text if len(text) < 100 else f"{text[:97]}..."


class Progress:
    """Reports progress and the remaining time.

    Args:
        before: Images that were finished at the start.
        mine: Images of this process.
        left: Images of all processes.
        report: Called with each line; None: no report.
        made: What is counted.
    """

    def __init__(
        self,
        before: int,
        mine: int,
        left: int,
        report: Callable[[str], None] | None,
        made: str = "pseudo-masks",
    ) -> None:
        self.before, self.mine, self.left, self.report = before, mine, left, report
        self.made = made
        self.done = 0
        self.start = self.last = time.perf_counter()

    def advance(self, count: int) -> None:
        """Count more finished images of this process."""
        self.done += count
        now = time.perf_counter()
        interval = 1 if sys.stdout.isatty() else 10
        is_early = now - self.last < interval and self.done < self.mine
        if self.report is None or is_early:
            return
        self.last = now
        pace = (now - self.start) / self.done
        # The other processes are assumed to be as far.
        total = self.before + self.left
        current = self.before + round(self.left * self.done / self.mine)
        bar = "#" * round(20 * current / total)
        self.report(
            f"[{bar:.<20}] {current}/{total} {self.made}, "
            f"{1 / pace * get_world_size():.1f} a second, "
            f"{pace * (self.mine - self.done):.0f} s left"
        )


def show_progress(line: str) -> None:
    """Print a line, in the main process; in a terminal it replaces the last one."""
    if is_main_process():
        end = "\r" if sys.stdout.isatty() else "\n"
        print(f"{line:<78}", end=end, flush=True)
