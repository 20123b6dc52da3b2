"""The DPT decoder of UniMatch V2 and Depth Anything for plain transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn as nn
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn.functional import interpolate, relu

LEVELS = 4


@MODELS.register_module()
class UniMatchDPTHead(BaseDecodeHead):
    """DPT (Ranftl et al., ICCV 2021) as UniMatch V2 (Yang et al., 2025) has it.

    Four maps of one size become a pyramid of 4, 2, 1 and 1/2 times that size, which is
    fused from the deepest level up. At 518 pixels and patches of 14, the levels have
    148, 74, 37 and 19 rows, the logits 296. Published sizes:

    =====  ===========  ========  =======================
    DINOv2 in_channels  channels  out_channels
    =====  ===========  ========  =======================
    small  384          64        48, 96, 192, 384
    base   768          128       96, 192, 384, 768
    large  1024         256       256, 512, 1024, 1024
    giant  1536         384       1536, 1536, 1536, 1536
    =====  ===========  ========  =======================

    MMSegmentation's ``DPTHead`` differs in six places: it takes pairs of map and class
    token; it has batch normalisation by default, also in the output; its residual
    convolutions have no bias; it resizes the skip connection to the doubled deeper
    level, not the deeper level to the skip; it has dropout in front of the classifier;
    it resizes logits without aligned corners. So the published checkpoints need this
    one. Theirs have one more residual unit at the deepest level, without use.

    Args:
        in_channels: Channels of each map.
        num_classes: Number of classes.
        channels: Channels of the fused levels.
        out_channels: Channels of the four levels before fusion.
        in_index: Indices of the maps.
        dropout_ratio: Share of the channels that are dropped before the classifier; 0
            in the source.
        loss_decode: Config, or list of configs, of the loss.
        ignore_index: Label of pixels without a class.
        sampler: Config of mmseg's sampler of the pixels that count; None: all do.
        align_corners: As in torch's ``interpolate``, for levels and logits.
        init_cfg: As in mmengine. None: torch's own initialisation, as in the source.

    Raises:
        ValueError: If there are not four indices and four numbers of channels.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        channels: int = 64,
        out_channels: Sequence[int] = (48, 96, 192, 384),
        in_index: Sequence[int] = (0, 1, 2, 3),
        dropout_ratio: float = 0.0,
        loss_decode: dict[str, Any] | list[dict[str, Any]] | None = None,
        ignore_index: int = 255,
        sampler: dict[str, Any] | None = None,
        align_corners: bool = True,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        if len(out_channels) != LEVELS or len(in_index) != LEVELS:
            raise ValueError(
                f"UniMatchDPTHead: out_channels={tuple(out_channels)}, in_index="
                f"{tuple(in_index)}; allowed: {LEVELS} numbers each"
            )
        super().__init__(
            [in_channels] * LEVELS,
            channels,
            num_classes=num_classes,
            dropout_ratio=dropout_ratio,
            in_index=list(in_index),
            input_transform="multiple_select",
            loss_decode=loss_decode or dict(type="PixelCrossEntropy"),
            ignore_index=ignore_index,
            sampler=sampler,
            align_corners=align_corners,
            init_cfg=init_cfg,
        )
        first, second, _, last = out_channels
        self.projects = nn.ModuleList(
            nn.Conv2d(in_channels, width, 1) for width in out_channels
        )
        self.resizers = nn.ModuleList(
            [
                nn.ConvTranspose2d(first, first, 4, stride=4),
                nn.ConvTranspose2d(second, second, 2, stride=2),
                nn.Identity(),
                nn.Conv2d(last, last, 3, stride=2, padding=1),
            ]
        )
        self.adapters = nn.ModuleList(
            nn.Conv2d(width, channels, 3, padding=1, bias=False)
            for width in out_channels
        )
        self.fusions = nn.ModuleList(
            Fusion(channels, align_corners, has_skip=level < LEVELS - 1)
            for level in range(LEVELS)
        )
        self.hidden = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify positions at twice the finest level's size.

        Args:
            inputs: The backbone's maps; the selected ones have one size (N, D, h, w).

        Returns:
            Logits, (N, num_classes, 8 h, 8 w).

        Raises:
            ValueError: If there are too few maps, or their sizes differ.
        """
        if len(inputs) <= max(self.in_index):
            raise ValueError(
                f"UniMatchDPTHead reads the maps {tuple(self.in_index)}, but the "
                f"backbone gives {len(inputs)}; set its out_indices to four blocks"
            )
        maps = self._transform_inputs(inputs)
        sizes = [tuple(x.shape[2:]) for x in maps]
        if len(set(sizes)) > 1:
            raise ValueError(
                f"UniMatchDPTHead needs maps of one size, as plain transformers give "
                f"them, but has {sizes}; for a pyramid use mmseg's UPerHead"
            )
        levels = [
            adapt(scale(project(x)))
            for x, project, scale, adapt in zip(
                maps, self.projects, self.resizers, self.adapters, strict=True
            )
        ]
        path = None
        for i in reversed(range(LEVELS)):
            size = levels[i - 1].shape[2:] if i else None
            path = self.fusions[i](levels[i], path, size)
        return self.cls_seg(relu(self.hidden(path)))


class Fusion(nn.Module):
    """Adds a level to the deeper ones, and resizes their sum.

    Args:
        channels: Channels of all levels.
        align_corners: As in torch's ``interpolate``.
        has_skip: Whether there are deeper levels.
    """

    def __init__(self, channels: int, align_corners: bool, has_skip: bool) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.skip = Residual(channels) if has_skip else None
        self.unit = Residual(channels)
        self.project = nn.Conv2d(channels, channels, 1)

    def forward(
        self, level: Tensor, deeper: Tensor | None, size: tuple[int, int] | None
    ) -> Tensor:
        """Fuse.

        Args:
            level: (N, F, h, w).
            deeper: The fused deeper levels, (N, F, h, w); None at the deepest.
            size: Height and width of the result; None: twice those of the level.

        Returns:
            (N, F, *size).
        """
        path = level
        if self.skip is not None:
            path = deeper + self.skip(level)
        path = self.unit(path)
        size = size or (2 * path.shape[2], 2 * path.shape[3])
        path = interpolate(
            path, size, mode="bilinear", align_corners=self.align_corners
        )
        return self.project(path)


class Residual(nn.Module):
    """Two convolutions, each after a ReLU, and a shortcut.

    Args:
        channels: Channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, F, h, w) to the same shape."""
        return x + self.conv2(relu(self.conv1(relu(x))))
