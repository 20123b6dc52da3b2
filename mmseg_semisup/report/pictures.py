"""Validation images of a report: truth, predictions, errors and confidence."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.core.palette import class_palette, full_palette
from mmseg_semisup.datasets.read_image import read_picture
from mmseg_semisup.visualization.panels import color_map

from .contents import Contents
from .markup import Html, data_url, el, join
from .validation import EXTREMES, IGNORED, Scene

SIDE = 480
"""Greatest side of an embedded photograph, in pixels."""
WHOLE = 1600
"""Greatest side of a picture that the training has drawn."""
QUALITY = 80
ERROR = (214, 39, 40)
PAIR = 2
"""Images that gained most and least, of a training with a baseline."""
LEGEND = 40
"""Classes up to which the legend names all of them."""
Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Shown:
    """An image of the report.

    Attributes:
        scene: The image, of the first training.
        others: Title of each further training to its own scene of the image.
        reason: Why it is shown, such as 'best'.
    """

    scene: Scene
    others: Mapping[str, Scene]
    reason: str


def choose(run: Contents, others: Sequence[Contents]) -> list[Shown]:
    """The images that say most: best and worst ones, and the greatest differences.

    Args:
        run: The training.
        others: Further trainings, such as the baseline; images that they have not kept
            are not compared.
    """
    if run.validation is None:
        return []
    scenes = sorted(run.validation.scenes, key=lambda scene: scene.score)
    known = {other.title: _by_path(other) for other in others}
    chosen: dict[str, tuple[Scene, str]] = {}
    number = min(EXTREMES, (len(scenes) + 1) // 2)
    for scene in scenes[::-1][:number]:
        chosen[scene.path] = (scene, "among the best")
    for scene in scenes[:number]:
        chosen.setdefault(scene.path, (scene, "among the worst"))
    if others:
        base = known[others[0].title]
        both = [scene for scene in scenes if scene.path in base]
        both.sort(key=lambda scene: scene.score - base[scene.path].score)
        for scene in both[::-1][:PAIR]:
            if scene.score > base[scene.path].score:
                chosen.setdefault(scene.path, (scene, "among the greatest gains"))
        for scene in both[:PAIR]:
            if scene.score < base[scene.path].score:
                chosen.setdefault(scene.path, (scene, "among the greatest losses"))
    return [
        Shown(scene, {k: v[path] for k, v in known.items() if path in v}, reason)
        for path, (scene, reason) in chosen.items()
    ]


def _by_path(run: Contents) -> dict[str, Scene]:
    scenes = run.validation.scenes if run.validation else []
    return {scene.path: scene for scene in scenes}


def draw_images(run: Contents, others: Sequence[Contents] = ()) -> Html | None:
    """The chosen images, each with its panes, below a legend of the classes.

    Args:
        run: The training.
        others: Further trainings; the first one is what the slider compares with, too.

    Returns:
        None if no image was kept.
    """
    shown = choose(run, others)
    if not shown or run.validation is None:
        return None
    classes = run.facts.classes
    palette = run.facts.palette or class_palette(classes)
    maps = [
        shown_map for one in shown for shown_map in (one.scene.truth, one.scene.labels)
    ]
    seen = {int(v) for one in maps for v in np.unique(one)} - {IGNORED}
    entries = [
        el("li", dot(palette[i]), name)
        for i, name in enumerate(classes)
        if i < len(palette) and (len(classes) <= LEGEND or i in seen)
    ]
    kept, total = len(run.validation.scenes), run.validation.images
    among = f"{total}" if kept == total else f"{kept} of {total}, evenly spread"
    intro = (
        f"Chosen from the validation images ({among}) by the mean IoU of each, after "
        f"iteration {run.validation.iteration}. In the first picture, drag the lower "
        "right corner of the prediction to uncover the ground truth."
    )
    return join(
        [
            el("p", intro),
            el("ul", *entries, class_="key"),
            *(_scene(one, run, palette) for one in shown),
        ]
    )


def dot(color: Sequence[int]) -> Html:
    """A square of a colour (R, G, B), in 0..255."""
    red, green, blue = (int(v) for v in color)
    return el("i", class_="dot", style=f"background:rgb({red},{green},{blue})")


def _scene(one: Shown, run: Contents, palette: Sequence[Sequence[int]]) -> Html:
    scene = one.scene
    colors = full_palette(palette)
    truth, labels = _layer(scene.truth, colors), _layer(scene.labels, colors)
    errors = (scene.truth != scene.labels) & (scene.truth != IGNORED)
    wrong = np.where(errors, 0, IGNORED).astype(np.uint8)
    network = run.title if one.others else run.facts.predicts or "prediction"
    score = f"{scene.score:.0f} % mIoU"
    ratio = f"aspect-ratio:{scene.size[1]}/{scene.size[0]}"
    panes = [
        _slider(labels, truth, ratio),
        _pane("image", el("div", class_="view photo", style=ratio, role="img")),
        _pane("ground truth", _view(ratio, truth, "ground truth")),
        _pane(f"{network}, {score}", _view(ratio, labels, network)),
    ]
    for title, other in one.others.items():
        layer = _layer(other.labels, colors)
        caption = f"{title}, {other.score:.0f} % mIoU"
        panes.append(_pane(caption, _view(ratio, layer, title)))
    red = _layer(wrong, full_palette([ERROR]))
    panes.append(_pane("wrong pixels, in red", _view(ratio, red, "wrong pixels")))
    if scene.confidence is not None:
        panes.append(_pane("confidence, bright is sure", _confidence(scene, ratio)))
    name = scene.path.replace("\\", "/").rpartition("/")[2]
    title = el("h4", f"{name} ", el("span", f"{score}, {one.reason}"))
    photo = _photo(scene.path)
    style = f"--photo:url({photo})" if photo else None
    missing = el("p", "The image can no longer be read.", class_="note")
    return el(
        "section",
        title,
        None if photo else missing,
        el("div", *panes, class_="panes"),
        class_="scene",
        style=style,
    )


def _pane(caption: str, view: Html) -> Html:
    return el("figure", view, el("figcaption", caption), class_="pane")


def _view(ratio: str, layer: str, alt: str) -> Html:
    over = el("img", src=layer, alt=alt, class_="over")
    return el("div", el("div", class_="grey"), over, class_="view", style=ratio)


def _slider(labels: str, truth: str, ratio: str) -> Html:
    below = el("img", src=truth, alt="ground truth", class_="over")
    above = el("img", src=labels, alt="prediction", class_="over")
    upper = el("div", el("div", class_="grey"), above, class_="upper")
    view = el("div", el("div", class_="grey"), below, upper, class_="view", style=ratio)
    caption = el("figcaption", "prediction, and the ground truth on its right")
    return el("figure", view, caption, class_="pane slider")


def _confidence(scene: Scene, ratio: str) -> Html:
    assert scene.confidence is not None  # noqa: S101, the caller has looked
    picture = color_map(scene.confidence / np.float32(255))
    source = data_url(jpeg(picture), "image/jpeg")
    image = el("img", src=source, alt="confidence")
    return el("div", image, class_="view", style=ratio)


def _photo(path: str) -> str | None:
    """A small copy of a photograph as an URL; None: it cannot be read."""
    try:
        image = read_picture(path)
    except (ImageFileError, OSError, ValueError):
        return None
    return data_url(jpeg(shrink(image, SIDE)), "image/jpeg")


def whole_picture(path: Path, alt: str) -> Html | None:
    """A picture that a training has written; None: there is none.

    Args:
        path: Its file.
        alt: What it shows.
    """
    if not path.is_file():
        return None
    try:
        picture = read_picture(str(path))
    except (ImageFileError, OSError, ValueError):
        return None
    url = data_url(jpeg(shrink(picture, WHOLE)), "image/jpeg")
    return el("img", src=url, alt=alt, class_="whole")


def shrink(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A picture (H, W, 3) whose greatest side is at most ``side`` pixels."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    """The bytes of a JPEG file of a picture, (H, W, 3), uint8, RGB."""
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    bgr = np.ascontiguousarray(picture[..., ::-1])
    return cv2.imencode(".jpg", bgr, options)[1].tobytes()


def _layer(labels: Labels, colors: NDArray[np.uint8]) -> str:
    """A label map as an URL of an indexed PNG, transparent where it is ignored."""
    image = Image.fromarray(labels)
    image.putpalette(colors.tobytes())
    content = io.BytesIO()
    image.save(content, format="PNG", transparency=IGNORED, compress_level=6)
    return data_url(content.getvalue(), "image/png")
