"""Predicts a folder of images, and writes masks, overlays and confidence."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError, ImageFileError
from mmseg_semisup.core.figures import encode_labels
from mmseg_semisup.core.file_names import check_distinct
from mmseg_semisup.core.palette import full_palette
from mmseg_semisup.core.terminal import printable
from mmseg_semisup.core.text import duration
from mmseg_semisup.datasets.lists import drop_suffixes
from mmseg_semisup.datasets.read_image import read_image
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


def find_images(sources: Sequence[str | Path]) -> list[tuple[Path, Path]]:
    """List images, and the paths of their results.

    Args:
        sources: Files, and folders that are searched to any depth.

    Returns:
        Path of each image, and the path of its result below the results' folder;
        without a suffix, unless two images differ only in that.

    Raises:
        ConfigError: If a source does not exist, or there is no image at all.
    """
    found: list[tuple[Path, Path]] = []
    for source in map(Path, sources):
        if source.is_dir():
            files = sorted(f for f in source.rglob("*") if _is_image(f))
            found += [(file, file.relative_to(source)) for file in files]
        elif source.is_file():
            found.append((source, Path(source.name)))
        else:
            shown = printable(str(source), keep="")
            raise ConfigError(f"there is no file or folder {shown}")
    if not found:
        raise ConfigError(
            f"no image in {', '.join(map(str, sources))}; looked for files that end "
            f"in {' '.join(IMAGE_SUFFIXES)}"
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


def predict_folder(
    predict: Callable[[Path], PredictedImage],
    images: Sequence[tuple[Path, Path]],
    out_dir: str | Path,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    opacity: float = OPACITY,
    report: Callable[[str], None] | None = None,
    confidence: bool = False,
) -> dict[Path, str]:
    """Write ``masks/NAME.png`` and ``overlays/NAME.jpg`` for each image.

    ``predictions.json`` has the classes, their colours and the images.

    With ``confidence``, also ``confidence/NAME.png``, grey, 8 bits, of which 255 is the
    probability 1; ``pictures/NAME.jpg``, image, prediction and confidence side by side;
    and ``confidence.csv``, the mean of each image, the least confident one first.

    An image that cannot be read or predicted does not stop the others.

    Args:
        predict: Function from an image file to its prediction.
        images: The result of :func:`find_images`.
        out_dir: Folder of the results.
        classes: Names of the classes.
        palette: RGB colour of each class, in 0..255.
        opacity: Opacity of the colours over a grey copy of the image, in 0..1.
        report: Called with a line of progress after each image.
        confidence: Whether to write the confidence.

    Returns:
        Each image that failed, and the reason.

    Raises:
        ConfigError: If the file system takes two names for one.
        OSError: If a result cannot be written.
    """
    check_distinct(out_dir, [name.as_posix() for _, name in images])
    failed: dict[Path, str] = {}
    means: dict[Path, float] = {}
    colours = full_palette(palette)
    start = time.perf_counter()
    for done, (path, name) in enumerate(images, 1):
        try:
            picture = read_image(str(path), channel_order="rgb")
            found = predict(path)
        except ImageFileError as error:
            failed[path] = str(error).removeprefix(f"{path}: ")
        except Exception as error:  # one bad image must not stop the others
            failed[path] = f"{type(error).__name__}: {error}"
        else:
            painted = _blend(picture, found.labels, colours, opacity)
            entries = _shares(found.labels, classes, palette)
            files = {
                Path("masks", _add(name, ".png")): encode_labels(found.labels, colours),
                Path("overlays", _add(name, ".jpg")): _encode_jpeg(
                    finish_picture([painted], entries)
                ),
            }
            if confidence:
                means[path] = float(found.confidence.mean())
                levels = (found.confidence * 255).round().astype(np.uint8)
                row = {
                    "image": picture,
                    "prediction": painted,
                    f"confidence: mean {means[path]:.2f}": color_map(found.confidence),
                }
                beside = titled_row(row, int(np.clip(len(picture), *HEIGHTS)))
                files[Path("confidence", _add(name, ".png"))] = encode_labels(levels)
                files[Path("pictures", _add(name, ".jpg"))] = _encode_jpeg(
                    finish_picture([beside], entries, ["confidence"])
                )
            for file, content in files.items():
                atomic_write(Path(out_dir) / file, content)
        if report is not None:
            seconds = time.perf_counter() - start
            left = seconds / done * (len(images) - done)
            report(f"{done}/{len(images)} images, {duration(left)} left")
    predicted = [(path, name) for path, name in images if path not in failed]
    write_record(out_dir, classes, palette, predicted)
    if confidence:
        _write_means(means, Path(out_dir, "confidence.csv"))
    return failed


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


def _write_means(means: Mapping[Path, float], path: Path) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["image", "mean confidence"])
    for image, mean in sorted(means.items(), key=lambda pair: pair[1]):
        writer.writerow([image, f"{mean:.4f}"])
    atomic_write(path, text.getvalue().encode())


def _is_image(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES


def _add(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _encode_jpeg(picture: NDArray[np.uint8]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, format="JPEG", quality=95)
    return content.getvalue()
