"""Changes of colours and sharpness of a whole batch, on the device of the model.

What a sample is changed by is drawn where the sample is made, by the transforms that
would change it there, from the same random numbers. So a view is the same wherever it
is changed, and a resumed training, or one of another number of processes or workers,
has the same views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import RandomGrayscale
from mmseg.structures import SegDataSample
from numpy.typing import NDArray
from torch import Tensor

from mmseg_semisup.core.sending import sent

from .color_jitter import (
    FRACTION,
    GREY,
    ColorJitter,
    RandomGaussianBlur,
    blur_weights,
)

Numbers = NDArray[np.float32]
Change = tuple[str, Numbers | None]
"""Name of an operation, and its numbers for one image; None: the image stays."""

META = "on_device"
"""Entry of a data sample: the view that gives the pixels, and what changes them."""


class Operation(NamedTuple):
    """A transform of a pipeline, divided into drawing and changing.

    Attributes:
        name: Its name in a data sample.
        draw: The numbers for one image, or None, of a transform.
        change: Changes (N, 3, H, W), float, blue, green and red in 0..255, by N rows of
            numbers; the result is whole numbers.
    """

    name: str
    draw: Callable[[Any], NDArray[Any] | None]
    change: Callable[[Tensor, Tensor], Tensor]


def operation_of(transform: Any) -> Operation | None:
    """How a transform changes a batch; None: it changes single images only.

    Args:
        transform: A built transform.
    """
    if type(transform) is RandomGrayscale:
        is_bgr = transform.color_format != "hsv" and transform.keep_channels
        if not is_bgr or len(transform.channel_weights) != 3:
            return None
    return OPERATIONS.get(type(transform))


def draw(transforms: Sequence[Any]) -> list[Change]:
    """Draw what the transforms would draw for one image, in order.

    Args:
        transforms: Built transforms that have an :func:`operation_of`.
    """
    changes: list[Change] = []
    for transform in transforms:
        operation = OPERATIONS[type(transform)]
        numbers = operation.draw(transform)
        drawn = None if numbers is None else numbers.astype(np.float32)
        changes.append((operation.name, drawn))
    return changes


def pixels_of(view: str, samples: Sequence[SegDataSample]) -> str:
    """Name of the branch that has the pixels of a view.

    Args:
        view: Name of the view.
        samples: Its samples.
    """
    stated = samples[0].metainfo.get(META) if samples else None
    return (stated or {}).get("of") or view


def is_changed(samples: Sequence[SegDataSample]) -> bool:
    """Whether images of a view are changed on the device, or come from another view.

    Args:
        samples: The samples of the view.
    """
    return any(META in sample.metainfo for sample in samples)


def changed(images: Any, samples: Sequence[SegDataSample]) -> Any:
    """Change images as their samples say.

    Args:
        images: (N, 3, H, W), uint8, in blue, green and red, on any device; or a list of
            N images of different sizes.
        samples: N samples.

    Returns:
        Float, whole numbers in 0..255; the same images if the samples say nothing. The
        host does not wait for the device.
    """
    stated = [sample.metainfo.get(META) or {} for sample in samples]
    changes: list[list[Change]] = [one.get("changes", []) for one in stated]
    if not any(changes):
        return images
    kinds: dict[Any, list[int]] = {}
    for place, (image, change) in enumerate(zip(images, changes, strict=True)):
        kind = image.shape, tuple(name for name, _ in change)
        kinds.setdefault(kind, []).append(place)
    if isinstance(images, Tensor) and len(kinds) == 1:
        return _changed(images, changes)
    found: dict[int, Tensor] = {}
    for places in kinds.values():
        alike = torch.stack([images[place] for place in places])
        results = _changed(alike, [changes[place] for place in places])
        found.update(zip(places, results, strict=True))
    ordered = [found[place] for place in range(len(images))]
    return torch.stack(ordered) if isinstance(images, Tensor) else ordered


def _changed(images: Tensor, changes: Sequence[Sequence[Change]]) -> Tensor:
    batch = images.to(torch.float32, copy=True)
    # Half precision has too few digits for whole numbers of this size.
    with torch.autocast(batch.device.type, enabled=False):
        for step in zip(*changes, strict=True):
            drawn = {i: one for i, (_, one) in enumerate(step) if one is not None}
            if not drawn:
                continue
            rows = list(drawn)
            table = np.stack(list(drawn.values()))
            numbers = sent(torch.from_numpy(table), batch.device)
            change = CHANGES[step[0][0]]
            if len(rows) == len(batch):
                batch = change(batch, numbers)
            else:
                index = sent(torch.tensor(rows), batch.device)
                part = change(batch.index_select(0, index), numbers)
                batch.index_copy_(0, index, part)
    return batch


def _draw_colors(transform: ColorJitter) -> NDArray[np.float64] | None:
    drawn = transform.draw()
    if drawn is None:
        return None
    colors, offset = drawn
    return np.column_stack([colors, np.outer(offset, GREY)])


def _change_colors(images: Tensor, numbers: Tensor) -> Tensor:
    """Multiply by (3, 3), and add the mean colour times another one."""
    means = images.mean(dim=(2, 3))
    offset = (numbers[:, :, 3:] * means[:, None]).sum(dim=2)
    result = offset[..., None, None]
    for channel in range(3):
        factors = numbers[:, :, channel, None, None]
        result = torch.addcmul(result, factors, images[:, channel, None])
    return result.clamp_(0, 255).round_()


def _draw_grey(transform: RandomGrayscale) -> NDArray[np.float64] | None:
    if transform._random_prob() >= transform.prob:
        return None
    weights = np.array(transform.channel_weights, dtype=float)
    return weights / weights.sum()


def _change_to_grey(images: Tensor, numbers: Tensor) -> Tensor:
    # mmcv cuts the fraction off, where rounding errors must not.
    grey = (images * numbers[:, :, None, None]).sum(dim=1, keepdim=True)
    return grey.add_(1e-3).floor_().expand(images.shape)


def _draw_blur(transform: RandomGaussianBlur) -> NDArray[np.int64] | None:
    sigma = transform.draw()
    return None if sigma is None else blur_weights(transform.kernel_size, sigma)


def _change_sharpness(images: Tensor, numbers: Tensor) -> Tensor:
    """Blur rows, then columns; all sums are whole numbers below 2**24, so exact."""
    count, channels, height, width = images.shape
    size = numbers.shape[1]
    weights = numbers.repeat_interleave(channels, dim=0)[:, None]
    planes = images.reshape(1, count * channels, height, width)
    planes = F.pad(planes, [size // 2] * 4, mode="reflect")
    with torch.backends.cudnn.flags(allow_tf32=False):
        for kernel in (weights[:, :, None], weights[..., None]):
            planes = F.conv2d(planes, kernel, groups=count * channels)
    blurred = planes.div_(FRACTION**2).add_(0.5).floor_()
    return blurred.view(images.shape)


OPERATIONS: dict[type, Operation] = {
    ColorJitter: Operation("colors", _draw_colors, _change_colors),
    RandomGrayscale: Operation("grey", _draw_grey, _change_to_grey),
    RandomGaussianBlur: Operation("blur", _draw_blur, _change_sharpness),
}
CHANGES = {operation.name: operation.change for operation in OPERATIONS.values()}
