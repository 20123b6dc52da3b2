"""An auxiliary branch on a segmentor's features, for training only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from ..build import build_part
from ..step.seg_output import SegOutput
from ..upsample import upsample


class AuxiliaryBranch(BaseModule):
    """A second decoder, with or without a second last stage of the backbone.

    Without ``stage`` and ``neck``, the head reads the input of the segmentor's head: g~
    of Ke et al. With ``stage``, its output replaces the backbone's last output: their
    g^, which shares all but the last two blocks.

    Args:
        head: Config of an mmseg decode head.
        stage: Config of a module that reads the backbone's output before the last, for
            example ``ResNetLastStage``.
        neck: Config of a neck between the backbone's outputs and the head.

    Raises:
        ValueError: If a part cannot be built.
    """

    def __init__(
        self,
        head: Mapping[str, Any],
        stage: dict[str, Any] | None = None,
        neck: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.stage = None if stage is None else build_part(MODELS, stage, "stage")
        self.neck = None if neck is None else MODELS.build(neck)
        self.head = MODELS.build(head)
        # The objective computes the loss.
        self.head.loss_decode = None

    @property
    def num_classes(self) -> int:
        """Channels of the logits."""
        return self.head.out_channels

    def features(self, output: SegOutput) -> Sequence[Tensor] | Tensor:
        """Input of :meth:`forward` from a segmentor's outputs, each (N, D_i, H_i, W_i).

        Raises:
            ValueError: If the backbone does not return the input of the stage.
        """
        if self.stage is None and self.neck is None:
            return output.feats
        feats = output.backbone_feats
        if self.stage is None:
            return feats
        expected = getattr(self.stage, "in_channels", None)
        found = [feat.shape[1] for feat in feats]
        if len(feats) < 2 or expected not in (None, found[-2]):
            raise ValueError(
                f"{type(self.stage).__name__} reads the backbone's output before the "
                f"last, with {expected} channels, but the outputs have {found}; set "
                "backbone.out_indices so that it is there"
            )
        return feats[:-1]

    def full_logits(self, output: SegOutput) -> Tensor:
        """Logits at the size of the images, (N, C, H, W), of a segmentor's outputs."""
        logits = self(self.features(output))
        return upsample(logits, output.image_size, self.head.align_corners)

    def forward(self, features: Sequence[Tensor] | Tensor) -> Tensor:
        """Classify :meth:`features` to logits (N, C, h, w)."""
        if self.stage is not None:
            features = (*features, self.stage(features[-1]))
        if self.neck is not None:
            features = self.neck(features)
        return self.head(features)
