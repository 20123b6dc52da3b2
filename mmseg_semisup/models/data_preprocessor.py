"""mmseg's data preprocessor for batches with named branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS


@MODELS.register_module()
class SemiDataPreprocessor(SegDataPreProcessor):
    """Normalises and pads every branch of a batch as mmseg does one batch.

    Args:
        mean: Mean of each channel, in 0..255; None: no normalisation.
        std: Standard deviation of each channel, in 0..255; None: no normalisation.
        size: Images smaller than (H, W) are padded to it, at the right and bottom.
        size_divisor: Or they are padded to the next multiple; None and no ``size``:
            to the largest of the batch.
        pad_val: Padding value of images, after normalisation.
        seg_pad_val: Padding value of label maps: the ignored label.
        bgr_to_rgb: Swap the channels.
        rgb_to_bgr: Swap the channels.
        test_cfg: Padding at test time: ``dict(size=...)`` or
            ``dict(size_divisor=...)``.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        size: tuple[int, int] | None = None,
        size_divisor: int | None = None,
        pad_val: float = 0,
        seg_pad_val: float = 255,
        bgr_to_rgb: bool = False,
        rgb_to_bgr: bool = False,
        test_cfg: dict | None = None,
    ) -> None:
        if size is None and size_divisor is None:
            size_divisor = 1
        super().__init__(
            mean=mean,
            std=std,
            size=size,
            size_divisor=size_divisor,
            pad_val=pad_val,
            seg_pad_val=seg_pad_val,
            bgr_to_rgb=bgr_to_rgb,
            rgb_to_bgr=rgb_to_bgr,
            test_cfg=test_cfg,
        )
        # A blocking copy of each image would wait for the device N times a step.
        self._non_blocking = True

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Preprocess one batch.

        Args:
            data: ``inputs`` and ``data_samples``, each a dict of branch to list (a
                training batch), or each a list (mmseg's ordinary batch).
            training: Passed on to mmseg.

        Returns:
            The same structure with each list of images stacked to (N, 3, H, W), float.
        """
        if not isinstance(data["inputs"], dict):
            return super().forward(data, training)
        branches = {
            name: super(SemiDataPreprocessor, self).forward(
                {"inputs": images, "data_samples": data["data_samples"][name]}, training
            )
            for name, images in data["inputs"].items()
        }
        return {
            key: {name: batch[key] for name, batch in branches.items()}
            for key in ("inputs", "data_samples")
        }
