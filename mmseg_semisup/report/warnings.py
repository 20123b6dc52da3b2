"""Warnings in the text log of a training."""

from __future__ import annotations

import re
from pathlib import Path

from mmseg_semisup.core.plain_files import open_plain
from mmseg_semisup.engine.console import FILE_ONLY

LOGS = "*/*.log"
LARGEST = 1 << 24
"""Bytes of a log that are read: its end."""
MOST = 60
"""Different warnings that are shown."""
LONGEST = 2000
HEAD = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) - \S+ - ([A-Z]+) - (.*)")
HEADLESS = "Name of parameter - Initialization information"
"""Beginning of MMEngine's list of first weights, which it logs without a time."""
LEVELS = ("WARNING", "ERROR", "CRITICAL")


def read_warnings(work_dir: Path, since: str = "") -> dict[str, int]:
    """Warnings and errors of all logs, the oldest first; what consoles hide is no news.

    Args:
        work_dir: Work-dir of a training.
        since: Name of the first folder of logs that counts, a time.

    Returns:
        Text to how often it was logged.
    """
    found: dict[str, int] = {}
    for file in sorted(work_dir.glob(LOGS)):
        if file.parent.name < since:
            continue
        for text in _of_file(file):
            if text in found or len(found) < MOST:
                found[text] = found.get(text, 0) + 1
    return found


def _of_file(path: Path) -> list[str]:
    try:
        with open_plain(path) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LARGEST))
            content = file.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return []
    messages: list[list[str]] = []
    warns = False
    for line in content.splitlines():
        match = HEAD.match(line)
        if match is not None:
            warns = match[2] in LEVELS
            if warns:
                messages.append([match[3]])
        elif warns and not line.startswith(HEADLESS):
            messages[-1].append(line)
        else:
            warns = False
    texts = ("\n".join(lines).strip()[:LONGEST] for lines in messages)
    return [text for text in texts if text and not text.startswith(FILE_ONLY)]
