"""The network that an ONNX file holds, from pixels to logits and classes."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from mmseg.models import SegDataPreProcessor
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils.wrappers import Upsample, resize
from torch import Tensor, nn

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.models.backbones import dinov2_positions
from mmseg_semisup.models.backbones.efficientnet_lite import SameConv2d
from mmseg_semisup.models.backbones.transformers_backbone import TransformersBackbone
from mmseg_semisup.models.step.prediction import Prediction, trained_with_sigmoid

from .onnx_positions import positions_of_any_grid

OUTPUTS = ("logits", "classes", "confidence")
"""Names of all outputs, in their order."""
INPUTS = ("image", "tensor")
"""Kinds of input: RGB pixels as a file has them, or the network's own input."""


class OnnxNetwork(nn.Module):
    """A segmentor from pixels to classes, in operations that ONNX has.

    Args:
        segmentor: The segmentor, in evaluation mode. Its ``test_cfg`` may ask for
            sliding windows; this module predicts one of them.
        source: 'image': (N, H, W, 3), uint8, RGB, or as many channels as the network
            has, in their order; 'tensor': (N, C, H, W), float32, normalised, in the
            network's order of channels.
        loads_bgr: Whether the test pipeline loads the channels of a file as BGR, as
            mmcv does, or as they are stored.

    Raises:
        ConfigError: If the segmentor or its preprocessor is of another kind than
            MMSegmentation's.
    """

    def __init__(
        self,
        segmentor: EncoderDecoder,
        source: str = "image",
        loads_bgr: bool = True,
    ) -> None:
        super().__init__()
        check_kind(segmentor)
        self.segmentor = segmentor
        self.source = source
        self.sigmoid = trained_with_sigmoid(segmentor)
        preprocessor = segmentor.data_preprocessor
        self.loads_bgr = loads_bgr
        # RGB is BGR, swapped once; a preprocessor that swaps, too, makes it RGB again.
        self.swaps = loads_bgr != preprocessor._channel_conversion
        padding = dict(preprocessor.test_cfg or {})
        self.pad_value = float(preprocessor.pad_val)
        self.least = tuple(padding.get("size") or (0, 0))
        self.multiple = math.lcm(
            int(padding.get("size_divisor") or 1), network_multiple(segmentor)
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Predict images of one size.

        Args:
            image: The images, as ``source`` says.

        Returns:
            Logits, (N, C, H, W), float32; classes, (N, H, W), uint8; and the
            probability of that class, (N, H, W), float32, in 0..1. With a single
            channel, the second class is what exceeds the head's threshold.
        """
        x = self._prepared(image) if self.source == "image" else image
        height, width = x.shape[-2:]
        x = self._padded(x)
        size = x.shape[2:]
        # A torch.Size as img_shape is how mmseg itself states the size of a window; it
        # reads the entry of the first image only.
        meta = {
            "img_shape": size,
            "ori_shape": size,
            "pad_shape": size,
            "padding_size": [0] * 4,
        }
        logits = self.segmentor.encode_decode(x, [meta])
        logits = logits[..., :height, :width]
        if self.segmentor.out_channels == 1:
            prob = logits.sigmoid()[:, 0]
            classes = prob > self.segmentor.decode_head.threshold
            confidence = torch.where(classes, prob, 1 - prob)
        else:
            classes = logits.argmax(dim=1)
            reading = Prediction(sigmoid=self.sigmoid)
            confidence = reading.class_logits(logits).softmax(dim=1).amax(dim=1)
        return logits, classes.to(torch.uint8), confidence

    def _prepared(self, image: Tensor) -> Tensor:
        """Pixels of a file as the preprocessor makes them, (N, C, H, W), float32."""
        x = image.permute(0, 3, 1, 2)
        if self.swaps and x.shape[1] == 3:
            x = x[:, [2, 1, 0]]
        x = x.float()
        preprocessor = self.segmentor.data_preprocessor
        if preprocessor._enable_normalize:
            x = (x - preprocessor.mean) / preprocessor.std
        return x

    def _padded(self, x: Tensor) -> Tensor:
        """Pad at the right and bottom."""
        if self.multiple == 1 and not any(self.least):
            return x
        missing = []
        for size, least in zip(x.shape[-2:], self.least, strict=True):
            padded = torch.sym_max(size, least) if least else size
            padded = (padded + self.multiple - 1) // self.multiple * self.multiple
            missing.append(padded - size)
        return F.pad(x, (0, missing[1], 0, missing[0]), value=self.pad_value)


def check_kind(segmentor: Any) -> None:
    """Raise ConfigError for a model that is not a segmentor of MMSegmentation's kind.

    Args:
        segmentor: A built model.

    Raises:
        ConfigError: If it is of another kind.
    """
    if not isinstance(segmentor, EncoderDecoder):
        raise ConfigError(
            f"--onnx: {type(segmentor).__name__} cannot be exported; it can be for "
            "EncoderDecoder, CascadeEncoderDecoder and classes derived from them"
        )
    kind = type(segmentor.data_preprocessor)
    if kind.forward is not SegDataPreProcessor.forward:
        raise ConfigError(
            f"--onnx: data_preprocessor.type={kind.__name__!r} cannot be exported; "
            "allowed: 'SegDataPreProcessor'"
        )
    if segmentor.num_classes > 256:
        raise ConfigError(
            f"--onnx: {segmentor.num_classes} classes; the output `classes` has 8 bits"
        )


def network_multiple(segmentor: EncoderDecoder) -> int:
    """The number of pixels of which the sides of images must be multiples."""
    backbone = segmentor.backbone
    patch = isinstance(backbone, TransformersBackbone) and backbone.patch_size
    return math.lcm(*patch) if patch else 1


@contextlib.contextmanager
def exportable_operations() -> Iterator[None]:
    """Replace operations whose trace has the size of the example as a constant.

    ONNX has adaptive pooling for known sizes that the bins divide only. mmseg's
    ``Upsample`` and the warnings of its ``resize`` convert sizes by ``int``,
    DINOv2's positions are interpolated by factors, and EfficientNet-Lite's padding
    depends on sizes.
    """
    *defaults, _ = resize.__defaults__
    with (
        mock.patch.object(F, "adaptive_avg_pool2d", adaptive_pool),
        mock.patch.object(Upsample, "forward", upsample),
        mock.patch.object(SameConv2d, "forward", same_convolution),
        mock.patch.object(dinov2_positions, "resized_positions", positions_of_any_grid),
        mock.patch.object(resize, "__defaults__", (*defaults, False)),
    ):
        yield


def upsample(module: Any, x: Tensor) -> Tensor:
    """``Upsample.forward`` of mmseg without conversions of sizes.

    Args:
        module: An ``Upsample``.
        x: (N, C, H, W), float.

    Returns:
        (N, C, H * scale, W * scale), or of the size of ``module``.
    """
    size, scale = module.size, module.scale_factor
    if not size:
        whole = scale == int(scale)
        size = [
            side * int(scale) if whole else torch.sym_int(side * scale)
            for side in x.shape[-2:]
        ]
    return F.interpolate(x, size, mode=module.mode, align_corners=module.align_corners)


def same_convolution(module: Any, x: Tensor) -> Tensor:
    """``SameConv2d.forward`` without questions to the size.

    With a kernel of 2 m + 1 pixels and stride 2, an image of n pixels gets a padding of
    m - 1 + n % 2 at the left and m at the right.

    Args:
        module: A ``SameConv2d`` with an odd kernel and a stride of 1 or 2.
        x: (N, C, H, W), float.

    Returns:
        (N, C', ceil(H / stride), ceil(W / stride)).
    """
    sides: list[Any] = []
    for size, kernel, stride in zip(
        x.shape[:1:-1], module.kernel_size[::-1], module.stride[::-1], strict=True
    ):
        half = kernel // 2
        sides += [half if stride == 1 else half - 1 + size % 2, half]
    x = F.pad(x, sides)
    return F.conv2d(
        x, module.weight, module.bias, module.stride, 0, module.dilation, module.groups
    )


def adaptive_pool(x: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
    """Adaptive average pooling as two matrix products.

    Args:
        x: (N, C, H, W), float.
        output_size: Rows and columns; None: as many as ``x`` has.

    Returns:
        (N, C, rows, columns); equal to torch's within rounding.
    """
    sizes = [output_size] * 2 if isinstance(output_size, int) else output_size
    rows, columns = (
        None if count is None else _shares(count, length, x)
        for count, length in zip(sizes, x.shape[-2:], strict=True)
    )
    if rows is not None:
        x = rows @ x
    return x if columns is None else x @ columns.transpose(0, 1)


def _shares(count: int, length: int, like: Tensor) -> Tensor:
    """Share of each pixel in each bin, (count, length).

    Bin i has the pixels from floor(i * length / count) up to, and without,
    ceil((i + 1) * length / count).
    """
    bins = torch.arange(count, device=like.device)[:, None]
    begin = torch.div(bins * length, count, rounding_mode="floor")
    end = torch.div((bins + 1) * length + count - 1, count, rounding_mode="floor")
    pixel = torch.arange(length, device=like.device)
    inside = (pixel >= begin) & (pixel < end)
    return inside.to(like.dtype) / (end - begin).to(like.dtype)
