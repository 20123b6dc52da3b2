"""The mean of several networks, which predicts like one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_semisup.datasets.collate import shallow

from ..step.decode_heads import last_head
from ..step.predict import predict
from ..step.prediction import probabilities, trained_with_sigmoid


class MeanNetwork(nn.Module):
    """Predicts with the mean of the probabilities of several networks.

    It has no weights of its own and is no part of a model: it cannot be exported.

    Args:
        networks: Segmentors of the same classes, at least one.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    @property
    def decode_head(self) -> Any:
        """The head of the first network, which decides how logits are read."""
        return self.networks[0].decode_head

    @property
    def out_channels(self) -> int:
        """Channels of the logits."""
        return int(last_head(self.networks[0]).out_channels)

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[SegDataSample] | None = None,
        mode: str = "tensor",
    ) -> Any:
        """Predict in mode 'predict'; in mode 'tensor', logits (N, C, h, w).

        The logits are those whose probabilities are the mean.

        Raises:
            ValueError: In mode 'loss', because the networks are trained separately.
        """
        if mode == "loss":
            raise ValueError("the mean of networks is not trained; train each of them")
        if mode == "predict":
            return self.predict(inputs, data_samples)
        maps = [network(inputs, None, "tensor") for network in self.networks]
        return self._logits_of_mean(maps, dim=1)

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Predict in the format of mmseg's segmentors.

        Args:
            inputs: (N, 3, H, W), float.
            data_samples: N samples, or None.
        """
        found = []
        for network in self.networks:
            # A network writes its prediction into the samples.
            samples = data_samples and [shallow(sample) for sample in data_samples]
            found.append(predict(network, inputs, samples))
        results = data_samples or found[0]
        for sample, own in zip(results, zip(*found, strict=True), strict=True):
            logits = self._logits_of_mean([one.seg_logits.data for one in own], dim=0)
            chosen = logits.max(dim=0, keepdim=True).indices
            sample.set_data(
                {
                    "seg_logits": PixelData(data=logits),
                    "pred_sem_seg": PixelData(data=chosen),
                }
            )
        return results

    def _logits_of_mean(self, maps: Sequence[Tensor], dim: int) -> Tensor:
        pairs = zip(self.networks, maps, strict=True)
        probs = [probabilities(network, logits, dim) for network, logits in pairs]
        mean = torch.stack(probs).mean(dim=0)
        tiny = torch.finfo(mean.dtype).tiny
        if trained_with_sigmoid(self.networks[0]):
            return mean.clamp(min=tiny).logit(eps=torch.finfo(mean.dtype).eps)
        return mean.clamp(min=tiny).log()
