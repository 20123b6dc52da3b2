"""A page that shows what a network says of images, in a browser."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from numpy.typing import NDArray

from mmseg_semisup.core.errors import ConfigError, ImageFileError
from mmseg_semisup.core.terminal import printable
from mmseg_semisup.datasets.read_image import read_picture
from mmseg_semisup.models.network_names import (
    STUDENT,
    configured_networks,
    predicting_names,
)
from mmseg_semisup.visualization.legend import finish_picture
from mmseg_semisup.visualization.panels import (
    IGNORED_COLOR,
    OPACITY,
    color_labels,
    color_map,
    overlay,
)

from .predictor import PredictedImage, Predictor

IGNORED = 255
"""Label of pixels below the threshold, which are drawn in light grey."""
BELOW = "below the threshold"
MEAN = "mean of all"
"""Name of the networks together."""
COLUMNS = ["class", "share in %", "mean confidence"]


class Shown(NamedTuple):
    """What a page shows of an image.

    Attributes:
        mask: Colours over the image, (H, W, 3), uint8, RGB.
        confidence: The confidence, from dark to bright, (H, W, 3), uint8, RGB.
        rows: Name, share in percent and mean confidence of each class that is there,
            the most frequent first; last, the pixels below the threshold, if any.
        colours: Name to colour (R, G, B) of what the rows name, in their order.
    """

    mask: NDArray[np.uint8]
    confidence: NDArray[np.uint8]
    rows: list[list[str]]
    colours: dict[str, Sequence[int]]


class Demo:
    """Predicts the images of a page.

    Args:
        cfg: Config of a training, or a plain MMSegmentation config.
        checkpoint: Its checkpoint, as loaded.
        device: Where to run.

    Attributes:
        first: The network that predicts, unless the page asks for another.

    Raises:
        ValueError: If config and checkpoint do not fit each other.
    """

    def __init__(
        self, cfg: Config, checkpoint: dict[str, Any], device: str = "cpu"
    ) -> None:
        semi = "segmentor" in cfg.model and "classifier" not in cfg.model
        names = configured_networks(cfg.model) if semi else [STUDENT]
        self._predictors = {n: Predictor(cfg, checkpoint, n, device) for n in names}
        if len(names) > 1:
            self._predictors[MEAN] = Predictor(cfg, checkpoint, names, device)
        first = self._predictors[names[0]]
        self.classes: Sequence[str] = first.classes
        self.palette: Sequence[Sequence[int]] = first.palette
        predicting = predicting_names(cfg.model)
        given = predicting[0] if len(predicting) == 1 else MEAN
        self.first: str = given if given in self._predictors else names[0]
        self._lock = threading.Lock()
        self._last: tuple[tuple[str, str], PredictedImage] | None = None

    @property
    def networks(self) -> list[str]:
        """Names of the networks that a page offers."""
        return list(self._predictors)

    def show(
        self,
        path: str,
        network: str = STUDENT,
        threshold: float = 0.0,
        opacity: float = OPACITY,
    ) -> Shown:
        """Predict an image, or show its last prediction in another way.

        The pictures have a legend and a scale.

        Args:
            path: An image file.
            network: One of :attr:`networks`.
            threshold: Least confidence of a pixel that is coloured, in 0..1.
            opacity: Opacity of the colours over the image, in 0..1.

        Raises:
            ImageFileError: If the image cannot be used.
        """
        found = self._predicted(path, network)
        picture = read_picture(path)
        shown = draw(picture, found, self.classes, self.palette, threshold, opacity)
        return shown._replace(
            mask=finish_picture([shown.mask], shown.colours),
            confidence=finish_picture([shown.confidence], {}, ["confidence"]),
        )

    def _predicted(self, path: str, network: str) -> PredictedImage:
        key = (path, network)
        # A slider asks for the same image again and again.
        with self._lock:
            if self._last is None or self._last[0] != key:
                self._last = (key, self._predictors[network](path))
            return self._last[1]


def draw(
    picture: NDArray[np.uint8],
    found: PredictedImage,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    threshold: float,
    opacity: float,
) -> Shown:
    """Draw a prediction.

    Args:
        picture: The image, (H, W, 3), uint8, RGB.
        found: Its prediction.
        classes: Names of the classes.
        palette: Their colours, RGB.
        threshold: Least confidence of a pixel that is coloured, in 0..1.
        opacity: Opacity of the colours, in 0..1.
    """
    sure = found.confidence >= threshold
    labels = np.where(sure, found.labels, np.uint8(IGNORED))
    colours = color_labels(labels, palette, IGNORED)
    mask = overlay(np.ascontiguousarray(picture), colours, opacity)
    rows = []
    named: dict[str, Sequence[int]] = {}
    counts = np.bincount(found.labels[sure], minlength=len(classes))
    for number in np.argsort(-counts, kind="stable"):
        if counts[number] == 0:
            break
        mean = found.confidence[sure & (found.labels == number)].mean()
        share = 100 * counts[number] / labels.size
        name = printable(classes[number], keep="")
        rows.append([name, f"{share:.1f}", f"{mean:.2f}"])
        named[name] = palette[number]
    if not sure.all():
        share = 100 * (1 - sure.mean())
        mean = found.confidence[~sure].mean()
        rows.append([BELOW, f"{share:.1f}", f"{mean:.2f}"])
        named[BELOW] = IGNORED_COLOR
    return Shown(mask, color_map(found.confidence), rows, named)


def gradio_library() -> ModuleType:
    """The package gradio.

    Raises:
        ConfigError: If it is not installed; the message says how to get it.
    """
    try:
        return import_module("gradio")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the page needs the Python package {error.name}, which is not installed; "
            "run `pip install 'mmseg-semisup[page]'`"
        ) from error


def build_page(demo: Demo, title: str) -> Any:
    """Build the page.

    Args:
        demo: Predicts its images.
        title: Its title.

    Returns:
        A ``gradio.Blocks``.

    Raises:
        ConfigError: If gradio is not installed.
    """
    gr = gradio_library()

    def show(
        path: str | None, network: str, threshold: float, opacity: float
    ) -> tuple[Any, Any, Any]:
        if path is None:
            return None, None, []
        try:
            shown = demo.show(path, network, threshold, opacity)
            return shown.mask, shown.confidence, shown.rows
        except ImageFileError as error:
            text = printable(str(error).replace(path, Path(path).name), keep="")
            raise gr.Error(text) from error

    with gr.Blocks(title=title) as page:
        with gr.Row():
            image = gr.Image(type="filepath", label="Image")
            mask = gr.Image(label="Classes", format="png", interactive=False)
            confidence = gr.Image(label="Confidence", format="png", interactive=False)
        with gr.Row():
            network = gr.Dropdown(demo.networks, value=demo.first, label="Network")
            threshold = gr.Slider(0, 1, value=0, step=0.01, label="Least confidence")
            opacity = gr.Slider(0, 1, value=OPACITY, step=0.05, label="Opacity")
        table = gr.Dataframe(headers=COLUMNS, label="Classes", interactive=False)
        inputs = [image, network, threshold, opacity]
        changes = [part.change for part in inputs]
        gr.on(changes, show, inputs=inputs, outputs=[mask, confidence, table])
    return page
