"""``cells/NAME.json``: how far a training of a study has come, and its result."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.records import RecordError, read_versioned

from .cells import FORM as CELL_FORM
from .result import check_result

VERSION = 1
FORM = {
    "cell": CELL_FORM,
    "fingerprint": ({str: object}, None),
    "attempts": [
        {
            "commit?": (str, None),
            "seconds?": float,
            "cpu_seconds?": float,
            "code?": int,
            "memory_mb?": float,
            "problem?": (str, None),
        }
    ],
    "result": object,
}
"""Form of the file, see :mod:`~mmseg_semisup.core.records`."""


class State:
    """What is known of a training, stored beside its folder.

    Attributes:
        cell: What it is: method, split, seed and so on.
        fingerprint: What its result depends on; None: it has not begun.
        attempts: Each start: 'commit', and once it has ended 'seconds', 'cpu_seconds',
            'memory_mb', 'code' and 'problem'.
        result: Its result, see :func:`~.result.make_result`; None: it is not finished.

    Args:
        path: The file; need not exist.

    Raises:
        ConfigError: If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cell: dict[str, Any] = {}
        self.fingerprint: dict[str, Any] | None = None
        self.attempts: list[dict[str, Any]] = []
        self.result: dict[str, Any] | None = None
        if not os.path.lexists(path):
            return
        try:
            content = read_versioned(path, VERSION, FORM)
            if content["result"] is not None:
                check_result(content["result"], "result")
            _check_names(content, path)
        except RecordError as error:
            raise ConfigError(
                f"{path} is no record of a study's training: {error}; remove it, and "
                "its folder"
            ) from error
        self.cell = content["cell"]
        self.fingerprint = content["fingerprint"]
        self.attempts = content["attempts"]
        self.result = content["result"]

    def write(self) -> None:
        """Write the file.

        Raises:
            WriteError: If that fails.
        """
        content = {
            "version": VERSION,
            "cell": self.cell,
            "fingerprint": self.fingerprint,
            "attempts": self.attempts,
            "result": self.result,
        }
        atomic_write(self.path, json.dumps(content, indent=1).encode())


def _check_names(content: dict[str, Any], path: Path) -> None:
    """Raise RecordError for the record of another training, such as a copied file."""
    result = content["result"] or {}
    for key, name in (
        ("cell.name", content["cell"]["name"]),
        ("result.cell", result.get("cell", path.stem)),
    ):
        if name != path.stem:
            raise RecordError(f"{key} is {name!r:.60}, and not {path.stem!r}")
