"""Predicts the images of a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.core.file_names import check_distinct
from mmseg_semisup.core.terminal import printable
from mmseg_semisup.core.text import duration
from mmseg_semisup.datasets.read_image import read_picture

from .batches import BatchedPredictor, Work, predict_batches
from .prediction_files import PredictionFiles
from .prediction_journal import Journal

Report = Callable[[str], None]


def predict_folder(
    predictor: BatchedPredictor,
    images: Sequence[Work],
    files: PredictionFiles,
    report: Report | None = None,
    batch_size: int = 1,
    journal: Journal | None = None,
) -> dict[Path, str]:
    """Predict images, and write the results.

    Args:
        predictor: The network.
        images: The images, and the paths of their results, of :func:`find_images`.
        files: Where and what to write.
        report: Gets a line on the progress after each image.
        batch_size: Greatest number of images of one size that are predicted together.
        journal: Names the images that are left out, and notes the others.

    Returns:
        Images that cannot be predicted, and why.

    Raises:
        ConfigError: If the file system takes two results for one.
        WriteError: If a result cannot be written.
    """
    check_distinct(files.folder, [name.as_posix() for _, name in images])
    work, means = unfinished(images, files, journal)
    failed: dict[Path, str] = {}
    progress = Progress(len(work), len(images) - len(work))
    with ExitStack() as stack:
        if journal is not None:
            stack.enter_context(journal.open())
        for (path, name), found, reason in predict_batches(predictor, work, batch_size):
            if found is None:
                failed[path] = reason
            else:
                try:
                    picture = read_picture(str(path))
                except ImageFileError as error:
                    failed[path] = str(error).removeprefix(f"{path}: ")
                else:
                    mean = files.write(name, picture, found)
                    if mean is not None:
                        means[path] = mean
                    if journal is not None:
                        journal.note(path, name, mean)
            if report is not None:
                report(progress.next())
    predicted = [(path, name) for path, name in images if path not in failed]
    files.finish(predicted, means)
    return failed


def numbered(report: Report | None, number: int, count: int, path: Path) -> Report:
    """Reports the progress of one file among several.

    Args:
        report: Gets the lines, if there is one.
        number: Number of the file, from 1 on.
        count: Number of files.
        path: The file.

    Returns:
        What puts number and name in front of each line.
    """
    begin = f"{number}/{count} {printable(path.name, keep='')}: "
    return lambda line: report(begin + line) if report is not None else None


def unfinished(
    images: Sequence[Work], files: PredictionFiles, journal: Journal | None
) -> tuple[list[Work], dict[Path, float]]:
    """The images that are left to predict, and the mean confidence of the others."""
    work: list[Work] = []
    means: dict[Path, float] = {}
    for path, name in images:
        noted = journal.finished(path, name) if journal is not None else None
        if noted is None or not files.path("masks", name, ".png").is_file():
            work.append((path, name))
        elif noted.mean is not None:
            means[path] = noted.mean
    if journal is not None:
        journal.left_out += len(images) - len(work)
    return work, means


class Progress:
    """Lines on the progress of a prediction, with its speed and the time that is left.

    Args:
        count: Number of images.
        earlier: Number of those that an earlier call has predicted.
        what: What they are called.
    """

    def __init__(self, count: int, earlier: int = 0, what: str = "images") -> None:
        self.count = count
        self.earlier = earlier
        self.what = what
        self.done = 0
        self._start = time.perf_counter()

    @property
    def speed(self) -> float:
        """Images a second."""
        return self.done / max(time.perf_counter() - self._start, 1e-9)

    def next(self) -> str:
        """The line after one more image."""
        self.done += 1
        left = duration((self.count - self.done) / self.speed)
        return (
            f"{self.earlier + self.done}/{self.earlier + self.count} {self.what}, "
            f"{self.speed:.1f} a second, {left} left"
        )
