"""Draws labelled images by the classes that they show, rare ones more often.

Hoyer, Dai, Van Gool: DAFormer, CVPR 2022, https://arxiv.org/abs/2111.14887, section
3.3, "Rare class sampling".
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from mmseg_semisup.core.distributed import on_main

from .mask_values import has_masks, pixels_of_images
from .sources import leaves

TEMPERATURE = 0.01
SHARE = 0.5
OPTIONS = ("temperature", "share")
"""What a config can set."""


class Draw(NamedTuple):
    """An image that is drawn by a class.

    Attributes:
        image: Its number in its source.
        label: The class.
    """

    image: int
    label: int


class RareClasses:
    """Draws a class, and then an image that shows it.

    With f_c the share of class c among all labelled pixels (Eq. 8), a class is drawn
    with the probability (Eq. 9)

        P(c) = exp((1 - f_c) / T) / sum_c' exp((1 - f_c') / T)

    among those that some mask shows; then one of the images that show it, each with the
    same probability. The paper draws every image in this way; images without any rare
    class would hardly be seen then, so that here a share of the samples is drawn, and
    the others come in the order of the source, every image once in each round.

    Args:
        pixels: (N, C), int64, pixels of each class in each of N masks.
        temperature: T; a lower one prefers rare classes more.
        share: Share of the samples that are drawn, in 0..1.

    Raises:
        ValueError: If an argument is out of its range, or no mask shows a class.
    """

    def __init__(
        self,
        pixels: NDArray[np.int64],
        temperature: float = TEMPERATURE,
        share: float = SHARE,
    ) -> None:
        if not 0 < temperature < math.inf:
            raise ValueError(f"rare_classes: temperature={temperature}; allowed: > 0")
        if not 0 <= share <= 1:
            raise ValueError(f"rare_classes: share={share}; allowed: 0 to 1")
        totals = pixels.sum(axis=0)
        if not totals.any():
            raise ValueError("rare_classes: no mask shows a class to draw by")
        self.share = share
        self.frequencies = totals / totals.sum()
        scores = (1 - self.frequencies) / temperature
        weights = np.exp(scores - scores.max()) * (totals > 0)
        self.probabilities = weights / weights.sum()
        self._shown = [np.flatnonzero(column).tolist() for column in pixels.T]

    def draws(self, ordinal: int) -> bool:
        """Whether a sample is drawn, and not the next one in the source's order.

        Args:
            ordinal: Number of the sample in the endless sequence of its source.
        """
        return self._before(ordinal + 1) > self._before(ordinal)

    def ordinal(self, ordinal: int) -> int:
        """The number of a sample that is not drawn, among those that are not."""
        return ordinal - self._before(ordinal)

    def _before(self, ordinal: int) -> int:
        return math.floor(ordinal * self.share)

    def draw(self, seed: int) -> Draw:
        """Draw a class and an image.

        Args:
            seed: Decides on both.
        """
        generator = random.Random(seed)  # noqa: S311, no secret
        steps = self.probabilities.cumsum()
        label = int(np.searchsorted(steps, generator.random() * steps[-1], "right"))
        shown = self._shown[label]
        return Draw(shown[int(generator.random() * len(shown))], label)


def count_rare_classes(
    name: str, sources: Mapping[str, Any], **options: float
) -> RareClasses:
    """Read the masks of a source, in the main process, to draw from it by its classes.

    Args:
        name: Name of the source.
        sources: Name of each source to its dataset.
        options: Arguments of :class:`RareClasses`.

    Raises:
        ValueError: If there is no such source, it has no masks or no classes, or an
            option is unknown.
    """
    unknown = sorted(set(options) - set(OPTIONS))
    if name not in sources or unknown:
        raise ValueError(
            f"sampler.rare_classes={{{name!r}: {options}}}; allowed: the sources "
            f"{sorted(sources)}, each with {list(OPTIONS)}"
        )
    source = sources[name]
    classes = source.metainfo.get("classes") or ()
    if not classes or not all(map(has_masks, leaves(source))):
        raise ValueError(
            f"sampler.rare_classes names the source {name!r}, which has no masks of "
            "named classes"
        )
    pixels = on_main(lambda: pixels_of_images(source, len(classes)))
    found = RareClasses(pixels, **options)
    pairs = zip(classes, found.frequencies, found.probabilities, strict=True)
    told = "; ".join(f"{c} {f:.2%}, {p:.0%}" for c, f, p in pairs)
    print_log(
        f"rare classes: {found.share:.0%} of the samples of {name!r} are drawn by "
        f"class; each class with its share of the pixels, and of the draws: {told}",
        logger="current",
    )
    return found
