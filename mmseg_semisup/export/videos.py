"""Predicts the frames of videos, and paints the classes over them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.errors import ConfigError, ImageFileError
from mmseg_semisup.datasets.read_image import read_mask

from .batches import BatchedPredictor, Work, predict_batches
from .folder import Progress, Report, numbered
from .prediction_files import PredictionFiles
from .prediction_journal import Journal
from .video_files import frame_rate, open_video, write_video

STATED = 0.98
"""Containers round the number of their frames; with fewer, a video is cut off."""


def frame_name(name: Path, number: int) -> Path:
    """Path of the result of a frame, from 1 on, below the results' folder."""
    return name / f"{number:06d}"


def check_names(images: Sequence[Work], videos: Sequence[Work]) -> None:
    """Raise ConfigError if the results of an image lie among those of a video.

    Args:
        images: Images, and the paths of their results.
        videos: Videos, and the paths of their results.

    Raises:
        ConfigError: If they do; the message names both.
    """
    folders = {name: path for path, name in videos}
    for image, result in images:
        for parent in result.parents:
            if parent in folders:
                raise ConfigError(
                    f"the results of {image} and of {folders[parent]} would be in one "
                    f"folder, masks/{parent}: predict them one by one"
                )


def predict_videos(
    predictor: BatchedPredictor,
    videos: Sequence[Work],
    files: PredictionFiles,
    report: Report | None = None,
    batch_size: int = 1,
    journal: Journal | None = None,
) -> tuple[dict[Path, str], int]:
    """Predict all frames of videos.

    Writes ``masks/NAME/000001.png`` and so on, the first frame being 1, and
    ``overlays/NAME.mp4``.

    Args:
        predictor: The network.
        videos: The videos, and the paths of their results.
        files: Where and what to write; there are no overlays of single frames.
        report: Gets a line on the progress after each frame.
        batch_size: Greatest number of frames that are predicted together.
        journal: Names the frames that are left out, and notes the others.

    Returns:
        Videos that cannot be predicted to their end, and why; number of the frames
        that have a mask.

    Raises:
        WriteError: If a result cannot be written.
    """
    failed: dict[Path, str] = {}
    frames: list[Work] = []
    means: dict[Path, float] = {}
    with ExitStack() as stack:
        if journal is not None:
            stack.enter_context(journal.open())
        for number, (path, name) in enumerate(videos, 1):
            told = numbered(report, number, len(videos), path)

            try:
                one = _Frames(path, name, files, journal)
                one.predict(predictor, batch_size, told)
            except ImageFileError as error:
                failed[path] = str(error).removeprefix(f"{path}: ")
                continue
            frames += one.predicted
            means |= one.means
            if journal is not None:
                journal.left_out += one.earlier
            reason = one.fault() or paint_video(path, name, files)
            if reason:
                failed[path] = reason
    files.finish(frames, means)
    return failed, len(frames)


class _Frames:
    """The frames of a video.

    Args:
        path: Its file.
        name: Path of its results.
        files: Where and what to write.
        journal: Names the frames that are left out.

    Attributes:
        predicted: Frames that have a mask, as files that the video could be cut into,
            and the paths of their results.
        means: Mean confidence of each frame.
    """

    def __init__(
        self, path: Path, name: Path, files: PredictionFiles, journal: Journal | None
    ) -> None:
        self.path, self.name, self.files, self.journal = path, name, files, journal
        self.video = open_video(path)
        self.predicted: list[Work] = []
        self.means: dict[Path, float] = {}
        self.failed: dict[int, str] = {}
        self.decoded = self.earlier = 0

    def predict(
        self, predictor: BatchedPredictor, batch_size: int, report: Report
    ) -> None:
        """Predict those that no earlier call has predicted."""
        progress = Progress(self.video.frame_cnt, what="frames")
        with tempfile.TemporaryDirectory(prefix="frames-") as folder:
            work = self._work(Path(folder))
            for one, found, reason in predict_batches(predictor, work, batch_size):
                file, result = one
                file.unlink()
                if found is None:
                    self.failed[int(result.name)] = reason
                else:
                    mean = self.files.write_maps(result, found)
                    self._add(result, mean)
                    if self.journal is not None:
                        self.journal.note(self._key(result), result, mean, self.path)
                progress.earlier = self.earlier
                stated = max(self.video.frame_cnt, self.decoded)
                progress.count = stated - self.earlier
                report(progress.next())
        self.predicted.sort(key=lambda pair: pair[1])
        self._remove_others()

    def _remove_others(self) -> None:
        """Remove maps of frames that this video had when it was longer."""
        if self.journal is None or not self._is_whole():
            return
        for frame in map(Path, self.journal.noted):
            # The journal may be somebody else's: its paths of results are not used.
            if frame.parent != self.path or not frame.stem.isdecimal():
                continue
            if int(frame.stem) > self.decoded:
                result = frame_name(self.name, int(frame.stem))
                for kind in ("masks", "confidence"):
                    self.files.path(kind, result, ".png").unlink(missing_ok=True)

    def _is_whole(self) -> bool:
        return self.decoded >= STATED * self.video.frame_cnt - 1

    def _work(self, folder: Path) -> Iterator[Work]:
        """Frames without a result, written into a folder as they are asked for.

        As files, they pass through any test pipeline.
        """
        for number, frame in enumerate(self.video, 1):
            self.decoded = number
            result = frame_name(self.name, number)
            noted = None
            if self.journal is not None:
                noted = self.journal.finished(self._key(result), result, self.path)
            if noted and self.files.path("masks", result, ".png").is_file():
                self.earlier += 1
                self._add(result, noted.mean)
                continue
            file = folder / f"{number:06d}.bmp"
            _, content = cv2.imencode(".bmp", frame)
            file.write_bytes(content.tobytes())
            yield file, result

    def _key(self, result: Path) -> Path:
        """A frame as a file below the video; none is there."""
        return self.path / f"{result.name}.png"

    def _add(self, result: Path, mean: float | None) -> None:
        self.predicted.append((self._key(result), result))
        if mean is not None:
            self.means[self._key(result)] = mean

    def fault(self) -> str:
        """Why frames are missing, or nothing."""
        if self.failed:
            number, reason = next(iter(self.failed.items()))
            more = f" ({len(self.failed)} such frames)" if len(self.failed) > 1 else ""
            return f"frame {number}: {reason}{more}"
        if not self._is_whole():
            return (
                f"{self.decoded} frames could be decoded and are predicted, "
                f"{self.video.frame_cnt} are stated: the file is cut off or damaged"
            )
        return "" if self.decoded else "it has no frame that can be decoded"


def paint_video(path: Path, name: Path, files: PredictionFiles) -> str:
    """Write a video with the classes over the frames, above a legend of all classes.

    Nothing is done if it is newer than all masks.

    Args:
        path: The video; the masks of its frames are written.
        name: Path of its results.
        files: Where to write.

    Returns:
        Why that is not possible, or nothing.

    Raises:
        WriteError: If its folder cannot be written.
    """
    out = files.path("overlays", name, ".mp4")
    masks = files.path("masks", frame_name(name, 1), ".png").parent
    newest = max(mask.stat().st_mtime_ns for mask in masks.glob("*.png"))
    if out.is_file() and out.stat().st_mtime_ns >= newest:
        return ""
    video = open_video(path)

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for number, frame in enumerate(video, 1):
            mask = files.path("masks", frame_name(name, number), ".png")
            labels = read_mask(str(mask)) if mask.is_file() else None
            yield files.painted_frame(frame[..., ::-1], labels)

    reason = write_video(out, pictures(), frame_rate(video))
    return f"its masks are written, and no video of them: {reason}" if reason else ""
