"""Notes which images are predicted, so that an interrupted prediction goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mmengine.config import Config

from mmseg_semisup.core.atomic_io import append_to, atomic_write
from mmseg_semisup.core.fingerprint import to_plain
from mmseg_semisup.core.plain_files import open_plain
from mmseg_semisup.core.records import RecordError, parse_record
from mmseg_semisup.version import __version__

from .plain_model import test_pipeline

NAME = "finished.jsonl"
HEAD = {"made_by": {str: object}}
LINE = {
    "image": str,
    "result": str,
    "bytes": int,
    "modified": int,
    "mean": (float, None),
}
"""Forms of the first line and of the others, see :mod:`~mmseg_semisup.core.records`."""
PIECE = 1 << 20


class Noted(NamedTuple):
    """An image that is predicted.

    Attributes:
        size: Bytes of its file.
        modified: When the file was last changed, in nanoseconds.
        result: Path of its result below the results' folder.
        mean: Mean confidence, if it was asked for.
    """

    size: int
    modified: int
    result: str
    mean: float | None


class Journal:
    """The images of a folder of results that are predicted.

    Args:
        folder: The folder of the results.
        made_by: Everything that the results depend on, for JSON. If the folder has
            results of something else, none of them counts.

    Attributes:
        outdated: Whether the folder has results of something else.
        left_out: Number of images that were found to be predicted.
    """

    def __init__(self, folder: str | Path, made_by: Mapping[str, Any]) -> None:
        self.path = Path(folder, NAME)
        self.made_by = json.loads(json.dumps(made_by))
        self.noted: dict[str, Noted] = {}
        self.outdated = False
        self.left_out = 0
        self._begun = False
        self._file: BinaryIO | None = None
        self._read()

    def finished(
        self, image: Path, result: Path, file: Path | None = None
    ) -> Noted | None:
        """The note of an image that has not changed since, or None.

        Args:
            image: The image.
            result: Path of its result below the results' folder.
            file: The file that it is in, if it is none itself, as a frame of a video.
        """
        noted = self.noted.get(str(image))
        if noted is None or noted.result != result.as_posix():
            return None
        try:
            state = (file or image).stat()
        except OSError:
            return None
        same = (state.st_size, state.st_mtime_ns) == (noted.size, noted.modified)
        return noted if same else None

    @contextmanager
    def open(self) -> Iterator[Journal]:
        """Open the journal for notes.

        Raises:
            WriteError: If it cannot be written.
        """
        if not self.noted and not self._begun:
            head = json.dumps({"made_by": self.made_by})
            atomic_write(self.path, f"{head}\n".encode())
        self._begun = True
        with append_to(self.path) as file:
            # The last line of a killed process may be incomplete.
            file.write(b"\n")
            self._file = file
            try:
                yield self
            finally:
                self._file = None

    def note(
        self, image: Path, result: Path, mean: float | None, file: Path | None = None
    ) -> None:
        """Note that the results of an image are written.

        Args:
            image: The image.
            result: Path of its result below the results' folder.
            mean: Mean confidence, if it was asked for.
            file: The file that it is in, if it is none itself.
        """
        if self._file is None:
            raise RuntimeError("the journal is not open")
        state = (file or image).stat()
        line = {
            "image": str(image),
            "result": result.as_posix(),
            "bytes": state.st_size,
            "modified": state.st_mtime_ns,
            "mean": mean,
        }
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

    def _read(self) -> None:
        """Read the notes; damaged lines are of images that are predicted again."""
        try:
            file = open_plain(self.path)
        except OSError:
            return
        with file:
            try:
                head = parse_record(file.readline(), HEAD)
            except RecordError:
                head = {"made_by": None}
            if head["made_by"] != self.made_by:
                self.outdated = True
                return
            for content in file:
                try:
                    line = parse_record(content, LINE)
                except RecordError:
                    continue
                self.noted[line["image"]] = Noted(
                    line["bytes"], line["modified"], line["result"], line["mean"]
                )


def made_by(
    cfg: Config, checkpoint: str | Path, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that predictions depend on, for JSON.

    Args:
        cfg: The config.
        checkpoint: The file of the weights.
        options: Options of the prediction.

    Raises:
        ConfigError: If the config has no pipeline.
        OSError: If the checkpoint cannot be read.
    """
    parts = {"model": cfg.model, "preprocessor": cfg.get("data_preprocessor")}
    content = to_plain({**parts, "pipeline": test_pipeline(cfg)})
    digest = hashlib.sha256()
    with open_plain(checkpoint) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return {
        "checkpoint": digest.hexdigest(),
        "config": hashlib.sha256(json.dumps(content).encode()).hexdigest(),
        "options": dict(options),
        "version": __version__,
    }
