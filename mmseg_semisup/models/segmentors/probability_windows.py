"""Sliding windows whose probabilities are averaged, not their logits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor

from ..step.prediction import probabilities


@MODELS.register_module()
class ProbabilityEncoderDecoder(EncoderDecoder):
    """An ``EncoderDecoder`` that averages the probabilities of sliding windows.

    The code of UniMatch and of UniMatch V2 adds up the probabilities of overlapping
    windows on Cityscapes; mmseg averages their logits. The windows are the same, with
    ``test_cfg=dict(mode='slide', crop_size=..., stride=...)``. Training, and tests of
    whole images, are those of ``EncoderDecoder``.
    """

    def slide_inference(
        self, inputs: Tensor, batch_img_metas: list[dict[str, Any]]
    ) -> Tensor:
        """Predict windows, and average their probabilities.

        Args:
            inputs: (N, 3, H, W), float.
            batch_img_metas: Meta information of N images.

        Returns:
            Logarithms of the mean probabilities, (N, C, H, W), float; their softmax is
            that mean.
        """
        size, cfg = (inputs.shape[2], inputs.shape[3]), self.test_cfg
        total = inputs.new_zeros((len(inputs), self.out_channels, *size))
        count = inputs.new_zeros((1, 1, *size))
        for rows, columns in windows(size, cfg.crop_size, cfg.stride):
            window = inputs[:, :, rows, columns]
            metas = [
                {**meta, "img_shape": window.shape[2:]} for meta in batch_img_metas
            ]
            probs = probabilities(self, self.encode_decode(window, metas))
            total[:, :, rows, columns] += probs
            count[:, :, rows, columns] += 1
        return (total / count).clamp(min=torch.finfo(total.dtype).tiny).log()


def windows(
    size: Sequence[int], window: Sequence[int], stride: Sequence[int]
) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the windows that cover an image.

    A window that would reach over the border is moved inside.

    Args:
        size: Height and width of the image, in pixels.
        window: Height and width of a window; a larger one is cut to the image.
        stride: Rows and columns from one window to the next.

    Raises:
        ValueError: If a stride is larger than the window.
    """
    if any(step > w for w, step in zip(window, stride, strict=True)):
        raise ValueError(
            f"test_cfg: stride={tuple(stride)} leaves pixels between windows of "
            f"crop_size={tuple(window)}; allowed: at most the window"
        )
    rows, columns = (
        [slice(begin, begin + w) for begin in starts(n, w, step)]
        for n, w, step in zip(size, window, stride, strict=True)
    )
    for row in rows:
        for column in columns:
            yield row, column


def starts(length: int, window: int, stride: int) -> list[int]:
    """First pixels of the windows along one side.

    >>> starts(2048, 798, 532)
    [0, 532, 1064, 1250]
    """
    last = max(length - window, 0)
    return [*range(0, last, stride), last]
