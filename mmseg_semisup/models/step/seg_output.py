"""Outputs of a network on a batch of images, computed on demand and once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
import torch.nn as nn
from mmseg.models.decode_heads.cascade_decode_head import BaseCascadeDecodeHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import CascadeEncoderDecoder, EncoderDecoder
from mmseg.models.utils import resize
from torch import Tensor

from ..upsample import upsample
from .decode_heads import decode_heads, last_head, run_heads
from .prediction import Prediction, prediction_of

__all__ = ["SegOutput", "decode_heads", "last_head"]


class SegOutput:
    """Lazy outputs of an mmseg segmentor on a batch of images.

    Args:
        network: An mmseg ``EncoderDecoder`` or ``CascadeEncoderDecoder``.
        images: (N, 3, H, W), float, preprocessed.
        grad: Whether to record gradients; False for a teacher.
    """

    def __init__(
        self, network: EncoderDecoder, images: Tensor, grad: bool = True
    ) -> None:
        self._network = network
        self._images = images
        self.heads = decode_heads(network)
        self._grad = grad
        self._embedding: Tensor | None = None

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images, in pixels."""
        height, width = self._images.shape[-2:]
        return height, width

    @cached_property
    def backbone_feats(self) -> Sequence[Tensor] | Tensor:
        """The backbone's outputs, in front of a neck, each (N, D_i, H_i, W_i).

        PIDNet and DDRNet give one tensor, not a sequence, in evaluation mode.
        """
        with torch.set_grad_enabled(self._grad):
            return self._network.backbone(self._images)

    @cached_property
    def feats(self) -> Sequence[Tensor] | Tensor:
        """Features of backbone (and neck), each (N, D_i, H_i, W_i)."""
        network = self._network
        with torch.set_grad_enabled(self._grad):
            if type(network).extract_feat is not EncoderDecoder.extract_feat:
                return network.extract_feat(self._images)
            feats = self.backbone_feats
            return network.neck(feats) if network.with_neck else feats

    @cached_property
    def head_outputs(self) -> list[Any]:
        """Output of each decode head, unchanged."""
        feats = self.feats
        classifier = getattr(self.heads[-1], "conv_seg", None)
        with torch.set_grad_enabled(self._grad):
            hook = None
            if isinstance(classifier, nn.Module):
                hook = classifier.register_forward_pre_hook(self._keep_embedding)
            try:
                return run_heads(self.heads, feats)
            finally:
                if hook is not None:
                    hook.remove()

    def _keep_embedding(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        self._embedding = args[0]

    @property
    def prediction(self) -> Prediction:
        """Position and kind of the logits in the last head's output."""
        return prediction_of(self._network)

    @property
    def has_logits(self) -> bool:
        """Whether the decode heads have run."""
        return "head_outputs" in self.__dict__

    @property
    def logits(self) -> Tensor:
        """Logits at the head's own stride, (N, C, h, w), float."""
        return self.prediction.select(self.heads[-1], self.head_outputs[-1])

    @property
    def embedding(self) -> Tensor:
        """Input of the last head's ``conv_seg``, (N, D, h, w), float.

        Raises:
            ValueError: If the head has no ``conv_seg`` that its forward pass calls.
        """
        _ = self.head_outputs
        if self._embedding is None:
            raise ValueError(
                f"{type(self.heads[-1]).__name__} has no module `conv_seg` that its "
                "forward pass calls, so it has no embedding in front of the "
                "classifier; use a head derived from mmseg's BaseDecodeHead, or name "
                "the head's classifier `conv_seg`"
            )
        return self._embedding

    @cached_property
    def full_logits(self) -> Tensor:
        """Logits upsampled to the images, (N, C, H, W), float."""
        with torch.set_grad_enabled(self._grad):
            align_corners = self.heads[-1].align_corners
            return upsample(self.logits, self.image_size, align_corners)

    @cached_property
    def labels(self) -> Tensor:
        """Most probable class of each pixel, (N, H, W), int64."""
        # max is several times as fast as argmax.
        return self.full_logits.detach().max(dim=1).indices

    @cached_property
    def class_logits(self) -> Tensor:
        """Values whose softmax is :attr:`probs`, (N, C, H, W), float.

        :attr:`full_logits`, or their ``log sigmoid`` where the head is trained with
        sigmoids, so that a cross-entropy of these is right for both.
        """
        with torch.set_grad_enabled(self._grad):
            return self.prediction.class_logits(self.full_logits)

    @cached_property
    def probs(self) -> Tensor:
        """Probabilities of the classes, (N, C, H, W), in 0..1, with the sum 1."""
        with torch.set_grad_enabled(self._grad):
            return self.class_logits.softmax(dim=1)

    def supervised_loss(self, samples: list[Any]) -> dict[str, Tensor]:
        """Losses of all heads for labelled samples, under mmseg's own names.

        They use the logits that objectives read. Only a head with its own ``loss``
        method runs once more, after the shared backbone, and a segmentor with its own
        loss runs once more as a whole.

        Args:
            samples: N ``SegDataSample`` with ``gt_sem_seg``.

        Returns:
            E.g. ``decode.loss_ce``, ``aux.loss_ce``, ``decode.acc_seg``.
        """
        network, train_cfg = self._network, self._network.train_cfg
        if _has_own_loss(network):
            return network.loss(self._images, samples)
        losses: dict[str, Tensor] = {}
        for i, head in enumerate(self.heads):
            name = f"decode_{i}" if len(self.heads) > 1 else "decode"
            if type(head).loss in (BaseDecodeHead.loss, BaseCascadeDecodeHead.loss):
                head_losses = _losses_of_head(head, self.head_outputs[i], samples)
            else:
                previous = self.head_outputs[i - 1 : i] if i else []
                head_losses = head.loss(self.feats, *previous, samples, train_cfg)
            losses.update({f"{name}.{k}": v for k, v in head_losses.items()})
        auxiliary: Any = getattr(network, "auxiliary_head", None)
        single = not isinstance(auxiliary, nn.ModuleList)
        for i, head in enumerate([auxiliary] if single else auxiliary):
            if head is None:
                continue
            name = "aux" if single else f"aux_{i}"
            head_losses = head.loss(self.feats, samples, train_cfg)
            losses.update({f"{name}.{k}": v for k, v in head_losses.items()})
        return losses


def _has_own_loss(network: EncoderDecoder) -> bool:
    base = EncoderDecoder
    if isinstance(network, CascadeEncoderDecoder):
        base = CascadeEncoderDecoder
    names = ("loss", "_decode_head_forward_train", "_auxiliary_head_forward_train")
    return any(
        getattr(type(network), name) is not getattr(base, name) for name in names
    )


def _losses_of_head(
    head: BaseDecodeHead, logits: Tensor, samples: list[Any]
) -> dict[str, Tensor]:
    """The losses of ``head.loss_by_feat``, without mmseg's two waits for the device.

    Its accuracy waits twice, as it selects pixels on the host.
    """
    own = type(head).loss_by_feat is not BaseDecodeHead.loss_by_feat
    if own or head.sampler is not None or head.ignore_index is None:
        return head.loss_by_feat(logits, samples)
    labels = torch.stack([sample.gt_sem_seg.data for sample in samples])
    logits = resize(
        logits, labels.shape[2:], mode="bilinear", align_corners=head.align_corners
    )
    labels = labels.squeeze(1)
    decoders: Any = head.loss_decode
    losses: dict[str, Tensor] = {}
    for loss in decoders if isinstance(decoders, nn.ModuleList) else [decoders]:
        value = loss(logits, labels, weight=None, ignore_index=head.ignore_index)
        name = str(loss.loss_name)
        losses[name] = losses[name] + value if name in losses else value
    with torch.no_grad():
        counts = labels != head.ignore_index
        right = (logits.max(dim=1).indices == labels) & counts
        share = right.sum().float() / counts.sum().clamp(min=1)
    losses["acc_seg"] = 100 * share.reshape(1)
    return losses
