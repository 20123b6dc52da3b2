"""Finds images, and writes their masks, overlays and confidence."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.figures import encode_labels
from mmseg_semisup.core.palette import full_palette
from mmseg_semisup.core.terminal import printable
from mmseg_semisup.datasets.lists import drop_suffixes, read_image_list
from mmseg_semisup.visualization.legend import class_entries, finish_picture
from mmseg_semisup.visualization.panels import (
    LEAST_SIDE_WITH_LINES,
    OPACITY,
    borders,
    color_map,
    overlay,
    titled_row,
)

from .mask_folders import write_record
from .predictor import PredictedImage

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm")
HEIGHTS = (160, 720)
"""Least and greatest height of the images in a picture of several, in pixels."""


def find_images(
    sources: Sequence[str | Path], suffixes: Collection[str] = IMAGE_SUFFIXES
) -> list[tuple[Path, Path]]:
    """List images, and the paths of their results.

    Args:
        sources: Files, folders that are searched to any depth, and text files (.txt) of
            image paths, which are relative to the text file's folder.
        suffixes: Ends of the names that are found in folders, in lower case.

    Returns:
        Path of each image, and the path of its result below the results' folder;
        without a suffix, unless two images differ only in that.

    Raises:
        ConfigError: If a source does not exist, or there is no image at all.
    """
    found: list[tuple[Path, Path]] = []
    for source in map(Path, sources):
        if source.is_dir():
            files = sorted(f for f in source.rglob("*") if _is_image(f, suffixes))
            found += [(file, file.relative_to(source)) for file in files]
        elif source.is_file() and source.suffix.lower() == ".txt":
            found += _listed(source)
        elif source.is_file():
            found.append((source, Path(source.name)))
        else:
            shown = printable(str(source), keep="")
            raise ConfigError(f"there is no file or folder {shown}")
    if not found:
        raise ConfigError(
            f"no image in {', '.join(map(str, sources))}; looked for files that end "
            f"in {' '.join(suffixes)}"
        )
    names = drop_suffixes([name for _, name in found])
    results = [(path, name) for (path, _), name in zip(found, names, strict=True)]
    times = Counter(names)
    twice = [str(path) for path, name in results if times[name] > 1]
    if twice:
        raise ConfigError(
            f"the results of these images would have the same name: {', '.join(twice)};"
            " predict their folders one by one"
        )
    return results


def _listed(path: Path) -> list[tuple[Path, Path]]:
    """Images of a text file, and their paths below their common folder."""
    try:
        images = [Path(image).absolute() for image in read_image_list(str(path))]
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if not images:
        return []
    folder = os.path.commonpath([image.parent for image in images])
    return [(image, image.relative_to(folder)) for image in images]


class PredictionFiles:
    """Writes the predictions of images below a folder.

    Args:
        folder: The folder, in which ``masks`` and ``overlays`` are made, and with
            ``confidence`` also ``confidence`` and ``pictures``.
        classes: Names of the classes.
        palette: Their colours, RGB.
        opacity: Opacity of the colours over the images.
        confidence: Whether to write the confidence.
    """

    def __init__(
        self,
        folder: str | Path,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]],
        opacity: float = OPACITY,
        confidence: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.classes = classes
        self.palette = palette
        self.opacity = opacity
        self.confidence = confidence
        self.colours = full_palette(palette)
        self._images: list[tuple[Path, Path]] = []
        self._means: dict[Path, float] = {}

    def path(self, kind: str, name: Path, suffix: str) -> Path:
        """A file of an image, e.g. of the kind 'masks'."""
        return self.folder / kind / name.with_name(name.name + suffix)

    def write(
        self, name: Path, picture: NDArray[np.uint8], found: PredictedImage
    ) -> float | None:
        """Write the files of an image.

        Args:
            name: Path of the result, without a suffix.
            picture: The image, (H, W, 3), uint8, RGB.
            found: Its prediction.

        Returns:
            The mean confidence, if it is written.

        Raises:
            WriteError: If a file cannot be written.
        """
        painted, entries = self.overview(name, picture, found.labels)
        if self.confidence:
            mean = float(found.confidence.mean())
            row = {
                "image": picture,
                "prediction": painted,
                f"confidence: mean {mean:.2f}": color_map(found.confidence),
            }
            beside = titled_row(row, int(np.clip(len(picture), *HEIGHTS)))
            shown = finish_picture([beside], entries, ["confidence"])
            atomic_write(self.path("pictures", name, ".jpg"), _encode_jpeg(shown))
        return self.write_maps(name, found)

    def write_maps(self, name: Path, found: PredictedImage) -> float | None:
        """Write confidence and mask of an image, the mask last.

        Args:
            name: Path of the result, without a suffix.
            found: Its prediction.

        Returns:
            The mean confidence, if it is written.

        Raises:
            WriteError: If a file cannot be written.
        """
        mean = None
        if self.confidence:
            mean = float(found.confidence.mean())
            levels = (found.confidence * 255).round().astype(np.uint8)
            atomic_write(self.path("confidence", name, ".png"), encode_labels(levels))
        mask = encode_labels(found.labels, self.colours)
        atomic_write(self.path("masks", name, ".png"), mask)
        return mean

    def painted_frame(
        self, picture: NDArray[np.uint8], labels: NDArray[np.uint8] | None
    ) -> NDArray[np.uint8]:
        """A frame of a video below its colours, above a legend of all classes.

        Args:
            picture: The frame, (H, W, 3), uint8, RGB.
            labels: Its classes, (H, W); None: it has no colours.

        Returns:
            (H', W', 3), uint8, RGB, of one size for all frames of a size.
        """
        painted = picture
        if labels is not None:
            painted = _blend(picture, labels, self.colours, self.opacity)
        return finish_picture([painted], class_entries(self.classes, self.palette))

    def overview(
        self, name: Path, picture: NDArray[np.uint8], labels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.uint8], dict[str, tuple[int, ...]]]:
        """Write the colours over an image, with a legend.

        Returns:
            The image below its colours, and the legend.
        """
        painted = _blend(picture, labels, self.colours, self.opacity)
        entries = _shares(labels, self.classes, self.palette)
        content = _encode_jpeg(finish_picture([painted], entries))
        atomic_write(self.path("overlays", name, ".jpg"), content)
        return painted, entries

    def finish(
        self, images: Sequence[tuple[Path, Path]], means: Mapping[Path, float]
    ) -> None:
        """Write ``predictions.json``, and with ``confidence`` ``confidence.csv``.

        They list what earlier calls have given, too.

        Args:
            images: The images that are predicted, and the paths of their results.
            means: Mean confidence of each image.

        Raises:
            WriteError: If a file cannot be written.
        """
        self._images += images
        self._means |= means
        write_record(self.folder, self.classes, self.palette, self._images)
        if self.confidence:
            self._write_means(self._means)

    def _write_means(self, means: Mapping[Path, float]) -> None:
        """The images from the least confident one to the most confident."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["image", "mean confidence"])
        for image, mean in sorted(means.items(), key=lambda pair: pair[1]):
            writer.writerow([image, f"{mean:.4f}"])
        atomic_write(self.folder / "confidence.csv", text.getvalue().encode())


def _blend(
    picture: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    colours: NDArray[np.uint8],
    opacity: float,
) -> NDArray[np.uint8]:
    """Colours over a grey image, with lines between the classes of large images."""
    painted = overlay(np.ascontiguousarray(picture), colours[labels], opacity)
    if min(labels.shape) >= LEAST_SIDE_WITH_LINES:
        painted[borders(labels)] = 255
    return painted


def _shares(
    labels: NDArray[np.uint8],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
) -> dict[str, tuple[int, ...]]:
    """Entries of a legend, with the share of each class in the image."""
    shares = 100 * np.bincount(labels.ravel(), minlength=len(classes)) / labels.size
    entries = class_entries(classes, palette, [labels])
    return {
        f"{name} {_percent(shares[list(classes).index(name)])}": color
        for name, color in entries.items()
    }


def _percent(share: float) -> str:
    return f"{share:.0f} %" if share >= 1 else "< 1 %"


def _is_image(path: Path, suffixes: Collection[str]) -> bool:
    return path.suffix.lower() in suffixes and path.is_file()


def _encode_jpeg(picture: NDArray[np.uint8]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, format="JPEG", quality=95)
    return content.getvalue()
