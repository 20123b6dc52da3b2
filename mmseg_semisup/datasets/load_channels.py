"""Images of any number of channels and 8, 16 or 32 bits, with a stated range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray

from mmseg_semisup.core.errors import DataError

from .channel_files import read_channels


@TRANSFORMS.register_module()
class LoadChannels(BaseTransform):
    """Reads TIFF and PNG files of any number of channels, and any depth.

    It takes the place of ``LoadImageFromFile`` in all pipelines. The result is float32:
    ``low`` becomes 0 and ``high`` 255, linearly, and values beyond become 0 and 255, so
    that the preprocessor's ``mean`` and ``std`` count in 0..255, as for photographs.
    Three channels are in the order blue, green, red, as MMCV has them; others in that
    of the file. Entries of an orientation are ignored.

    Args:
        channels: Number of channels, C.
        low: Value that becomes 0, for all channels or each.
        high: Value that becomes 255, for all channels or each; None: the largest
            number of the file's bits. Floating point needs one.

    Raises:
        ValueError: If there is no range.
    """

    def __init__(
        self,
        channels: int,
        low: float | Sequence[float] = 0,
        high: float | Sequence[float] | None = None,
    ) -> None:
        if not isinstance(channels, int) or channels < 1:
            raise ValueError(f"LoadChannels: channels={channels!r}; allowed: 1, 2, ...")
        self.channels = channels
        self.low = self._each("low", low)
        self.high = None if high is None else self._each("high", high)
        if self.high is not None and not (self.high > self.low).all():
            raise ValueError(
                f"LoadChannels: low={low}, high={high}; high must be greater"
            )

    def _each(self, key: str, value: float | Sequence[float]) -> NDArray[np.float32]:
        numbers = np.atleast_1d(np.asarray(value, np.float32))
        if numbers.shape not in ((1,), (self.channels,)):
            raise ValueError(
                f"LoadChannels: {key}={value} has {numbers.size} numbers; allowed: "
                f"one, or {self.channels}, one for each channel"
            )
        return numbers

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read ``img_path`` to ``img``, (H, W, C), float32, in 0..255.

        Raises:
            DataError: If the file has another number of channels, no numbers, or an
                unknown range.
        """
        pixels = read_channels(results["img_path"])
        if pixels.shape[2] != self.channels:
            raise DataError(
                f"it has {pixels.shape[2]} channels, and LoadChannels has "
                f"channels={self.channels}"
            )
        is_whole = np.issubdtype(pixels.dtype, np.integer)
        if self.high is None and not is_whole:
            raise DataError(
                f"its values are {pixels.dtype}, whose range is not known: set low and "
                "high of LoadChannels"
            )
        high = np.iinfo(pixels.dtype).max if self.high is None else self.high
        image = pixels.astype(np.float32)
        if not is_whole and not np.isfinite(image).all():
            count = np.count_nonzero(~np.isfinite(image).all(axis=2))
            raise DataError(
                f"{count} of its pixels are NaN or infinite; write a number there, and "
                "the ignored value into the mask"
            )
        image -= self.low
        image *= 255 / (np.float32(high) - self.low)
        np.clip(image, 0, 255, out=image)
        if self.channels == 3:
            image = np.ascontiguousarray(image[..., ::-1])
        shape = image.shape[:2]
        return {**results, "img": image, "img_shape": shape, "ori_shape": shape}
