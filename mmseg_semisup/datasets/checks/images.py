"""Checks sizes and bit depths of images against the pipeline that reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset
from mmseg.datasets.transforms import RandomCrop

from mmseg_semisup.datasets.files import bits
from mmseg_semisup.datasets.multi_view import MultiView
from mmseg_semisup.datasets.read_image import load
from mmseg_semisup.datasets.semi_dataset import seeded
from mmseg_semisup.datasets.sources import SourceDataset, leaves
from mmseg_semisup.datasets.two_crops import DrawTwoCrops

from .classes import spread

LOOKED_AT = 12
HEADERS = 200
Size = tuple[int, int]


@dataclass
class SizeCount:
    """Sizes of some images of a source, (height, width) in pixels.

    Attributes:
        files: Sizes of the files.
        crop: Size of the crops; None: the images are not cropped.
        entering: Sizes of the images that are cropped.
    """

    files: list[Size] = field(default_factory=list)
    crop: Size | None = None
    entering: list[Size] = field(default_factory=list)

    @property
    def smaller(self) -> list[Size]:
        """Sizes of the images that are smaller than the crop, in either direction."""
        crop = self.crop or (0, 0)
        return [s for s in self.entering if s[0] < crop[0] or s[1] < crop[1]]

    def problem(self, name: str) -> str:
        """A sentence, if the crop exceeds half of the images or more; else nothing."""
        if self.crop is None or 2 * len(self.smaller) < max(len(self.entering), 1):
            return ""
        least = min(self.smaller, key=lambda size: size[0] * size[1])
        return (
            f"source {name!r}: {len(self.smaller)} of {len(self.entering)} images "
            f"looked at are smaller than the crop of {_text(self.crop)}; the smallest "
            f"has {_text(least)} pixels (height x width), the rest is padding: lower "
            "crop_size, or enlarge the images in front of the crop"
        )

    def text(self) -> str:
        """The sizes of the files, as 'height x width', or their range."""
        sizes = sorted(set(self.files), key=lambda size: size[0] * size[1])
        ends = dict.fromkeys(_text(size) for size in (*sizes[:1], *sizes[-1:]))
        return " to ".join(ends)


def count_sizes(source: SourceDataset, number: int = LOOKED_AT) -> SizeCount:
    """Load some images of a source up to its first crop.

    Args:
        source: A dataset.
        number: Number of images, evenly from all.
    """
    count = SizeCount()
    tasks = [(leaf, i) for leaf in leaves(source) for i in range(len(leaf))]
    for _, (leaf, index) in zip(range(number), spread(tasks), strict=False):
        before, crop = _before_crop(leaf)
        results: dict[str, Any] = leaf.get_data_info(index)
        try:
            with seeded(index):
                for step in before:
                    results = load(step, results)
            count.files.append(tuple(results["ori_shape"][:2]))
            size = tuple(results["img"].shape[:2])
        except Exception:  # noqa: S112, the batch or the full check names the file
            continue
        if crop is not None:
            count.crop = crop
            count.entering.append(size)
    return count


def deep_images(sources: Mapping[str, SourceDataset]) -> list[str]:
    """Sentences about images of more than 8 bits, of which mmcv keeps the upper 8.

    Args:
        sources: Name of each source to its dataset.
    """
    found = []
    for name, source in sources.items():
        tasks = [
            (leaf, i)
            for leaf in leaves(source)
            if _cuts_depth(leaf)
            for i in range(len(leaf))
        ]
        chosen = [task for _, task in zip(range(HEADERS), spread(tasks), strict=False)]
        paths = [leaf.get_data_info(i)["img_path"] for leaf, i in chosen]
        deep = [path for path in paths if bits(path) > 8]
        if deep:
            found.append(
                f"source {name!r}: {len(deep)} of {len(paths)} images looked at have "
                f"{bits(deep[0])} bits a channel, among them {deep[0]}; "
                "LoadImageFromFile keeps the upper 8, and pictures of fewer grey "
                "levels become almost black: read them with LoadChannels, or convert "
                "them to 8 bits"
            )
    return found


def _cuts_depth(leaf: BaseDataset) -> bool:
    """Whether mmcv's ordinary transform loads the images, with 8 bits a channel."""
    return any(
        type(step) is LoadImageFromFile
        and step.color_type in ("color", "grayscale", "color_ignore_orientation")
        for step in _steps(leaf)
    )


def _before_crop(leaf: BaseDataset) -> tuple[Sequence[Any], Size | None]:
    """The transforms in front of the first crop, and its size."""
    steps = _steps(leaf)
    for place, step in enumerate(steps):
        if isinstance(step, (RandomCrop, DrawTwoCrops)):
            height, width = step.crop_size
            return steps[:place], (int(height), int(width))
    return [step for step in steps if type(step).__name__.startswith("Load")], None


def _steps(leaf: BaseDataset) -> list[Any]:
    """A dataset's transforms in order, with the shared ones of its views."""
    pipeline = getattr(leaf, "pipeline", None)
    steps = list(getattr(pipeline, "transforms", ()))
    if steps and isinstance(steps[-1], MultiView):
        views = next(iter(steps[-1].views.values()))
        steps[-1:] = [*steps[-1].shared, *views]
    return steps


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
