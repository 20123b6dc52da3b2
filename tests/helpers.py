"""Small models and batches that many tests share."""

from __future__ import annotations

import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.structures import PixelData
from mmengine.visualization import Visualizer
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer
from torch import Tensor

NUM_CLASSES = 4


def tiny_segmentor(num_classes: int = NUM_CLASSES, **head) -> dict:
    """An FCN on a narrow ResNet-18 without batch statistics."""
    return {
        "type": "EncoderDecoder",
        "backbone": {
            "type": "ResNet",
            "depth": 18,
            "base_channels": 8,
            "stem_channels": 8,
            "num_stages": 2,
            "strides": (1, 2),
            "dilations": (1, 1),
            "out_indices": (0, 1),
            "norm_cfg": {"type": "GN", "num_groups": 2},
        },
        "decode_head": {
            "type": "FCNHead",
            "in_channels": 16,
            "channels": 8,
            "in_index": 1,
            "num_convs": 1,
            "num_classes": num_classes,
            "dropout_ratio": 0,
            "norm_cfg": {"type": "GN", "num_groups": 2},
            "loss_decode": {"type": "PixelCrossEntropy"},
            **head,
        },
        "train_cfg": {},
        "test_cfg": {"mode": "whole"},
    }


def adversarial_objectives(threshold: float = 0.2, **changes) -> list[dict]:
    """AdvSemiSeg's two signals with a narrow discriminator, counting at once."""
    return [
        {
            "type": "AdversarialObjective",
            "discriminator": {
                "type": "FCDiscriminator",
                "num_classes": NUM_CLASSES,
                "channels": (8, 8),
            },
            "weights": {"labeled": 0.01, "unlabeled": 0.001},
            "start": {"labeled": 0, "unlabeled": 0},
            **changes,
        },
        {"type": "SelfTaughtObjective", "threshold": threshold, "start": 0},
    ]


def sample(
    size: tuple[int, int],
    labels: Tensor | None = None,
    homography: Tensor | None = None,
) -> SegDataSample:
    """A data sample of an image of (H, W) pixels, with a mask or without."""
    result = SegDataSample()
    meta = {
        "img_shape": size,
        "ori_shape": size,
        "pad_shape": size,
        "img_path": "image.jpg",
    }
    if homography is not None:
        meta.update(homography=homography, source_shape=size)
    result.set_metainfo(meta)
    if labels is not None:
        result.gt_sem_seg = PixelData(data=labels[None])
    return result


def batch(
    labeled: int = 2,
    unlabeled: int = 2,
    size: int = 32,
    seed: int = 0,
    views: tuple[str, ...] = ("unlabeled",),
) -> dict:
    """A raw training batch as ``branch_collate`` gives it; label 255 in a corner."""
    generator = torch.Generator().manual_seed(seed)

    def image() -> Tensor:
        return torch.randint(
            0, 256, (3, size, size), generator=generator, dtype=torch.uint8
        )

    def mask() -> Tensor:
        labels = torch.randint(0, NUM_CLASSES, (size, size), generator=generator)
        labels[: size // 4, : size // 4] = 255
        return labels

    inputs = {"labeled": [image() for _ in range(labeled)]}
    samples = {"labeled": [sample((size, size), mask()) for _ in range(labeled)]}
    eye = torch.eye(3, dtype=torch.float64)
    for view in views:
        inputs[view] = [image() for _ in range(unlabeled)]
        samples[view] = [
            sample((size, size), homography=eye.clone()) for _ in range(unlabeled)
        ]
    return {"inputs": inputs, "data_samples": samples}


PREPROCESSOR = {
    "type": "SemiDataPreprocessor",
    "mean": [127.0] * 3,
    "std": [64.0] * 3,
}


def forget_runs() -> None:
    """Forget what MMEngine keeps by the name of a run; a new process would have none.

    Runs of one config that begin in the same second have the same name.
    """
    for kept in (MMLogger, MessageHub, Visualizer, SegLocalVisualizer):
        kept._instance_dict.clear()
