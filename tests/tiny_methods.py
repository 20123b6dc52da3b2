"""Every shipped method with a tiny network, and batches for it."""

from __future__ import annotations

import copy

import torch
from helpers import (
    NUM_CLASSES,
    PREPROCESSOR,
    adversarial_objectives,
    batch,
    tiny_segmentor,
)
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from torch import nn

SIZE, LENGTH = 24, 40
SHIFT = (4, 8)
"""Columns and rows by which the second crop lies further."""
COLOURS = torch.tensor([[0, 0, 0], [180, 0, 0], [0, 180, 0], [90, 90, 180]])
"""Of each class, below the noise."""
VIEWS = (
    "unlabeled",
    "unlabeled_second",
    "unlabeled_strong",
    "unlabeled_teacher",
)
CONSISTENCY = {"type": "ConsistencyObjective", "threshold": 0.0, "mix": "none"}
S4GAN = {
    "type": "FeatureMatchingObjective",
    "discriminator": {
        "type": "ImageDiscriminator",
        "num_classes": NUM_CLASSES,
        "channels": (8, 8),
        "dropout": 0.0,
    },
    "gamma": 0.0,
}
LATENT = {
    "type": "LatentClassObjective",
    "head": tiny_segmentor(3)["decode_head"],
    "num_classes": NUM_CLASSES,
    "update_rate": 0.25,
    "start": 0,
}
TWIN = {
    "type": "TwinBranchObjective",
    "head": tiny_segmentor()["decode_head"],
    "start": 0,
}
CONTRAST = {
    "type": "ContextContrastObjective",
    "in_channels": 8,
    "projector": {"channels": 6},
    "gamma": 0.26,
    "bank_size": 100,
    "batch_negatives": 64,
}
WEAK = {"type": "WeakMaskObjective", "in_channels": 8, "num_classes": NUM_CLASSES}
PSEUDO_MASK = {
    "type": "PseudoMaskObjective",
    "head": {
        "type": "DeepLabV2Head",
        "in_channels": 16,
        "num_classes": NUM_CLASSES,
        "dilations": (1, 2),
    },
    "branch": "unlabeled_strong",
    "plain_branches": ("labeled",),
}
CROSS = {
    "type": "CrossPseudoObjective",
    "mix": {"type": "CutMix", "boxes": 3},
    "plain_branches": ["labeled"],
}
AUGSEG = {
    **CONSISTENCY,
    "threshold": 0.26,
    "mix": {"type": "AdaptiveCutMix"},
    "joint": ["labeled"],
}
U2PL = [
    {
        **CONSISTENCY,
        "select": {"type": "EntropyPercentile", "unreliable": 0.4},
        "mix": {"type": "CutMix", "area": (0.5, 0.5), "probability": 0.5},
        "loss": {"type": "ReliableCrossEntropy"},
        "joint": ["labeled"],
    },
    {
        "type": "ClassContrastObjective",
        "projector": {"channels": 6},
        "unreliable": 0.4,
        "threshold": 0.2,
        "num_anchors": 8,
        "num_negatives": 5,
        "memory_size": 30,
        "new_negatives": 10,
        "of": "consistency",
        "joint": ["labeled"],
    },
]
UNIMATCH = {
    "type": "UniMatchObjective",
    "threshold": 0.26,
    "strong": ["unlabeled_second", "unlabeled_teacher"],
    "mix": "cutmix",
    "perturb": {"type": "ComplementaryDropout"},
}
FIXMATCH = {**CONSISTENCY, "mix": "cutmix", "joint": ["labeled"]}
CURRICULUM = {"type": "CurriculumThreshold", "threshold": 0.5, "images": 8}
FURTHER = {
    "type": "FurtherLabelsObjective",
    "of": "consistency",
    "labels_from": {
        "type": "Ensemble",
        "networks": ["old", "older"],
        "weights": "dirichlet",
        "members": (1, 2),
    },
    "threshold": 0.0,
}
OBJECTIVES = {
    "supervised": [],
    "mean_teacher": [CONSISTENCY],
    "mean_teacher_cutmix": [{**CONSISTENCY, "threshold": 0.26, "mix": "cutmix"}],
    "adv_semi_seg": adversarial_objectives(),
    "s4gan": [S4GAN],
    "latent_classes": [LATENT],
    "twin_branches": [TWIN],
    "three_stage": [{**CONSISTENCY, "plain_branches": ("labeled",)}, PSEUDO_MASK],
    "context_aware": [CONTRAST],
    "context_aware_weak": [CONTRAST, WEAK],
    "cps": [CROSS],
    "augseg": [AUGSEG],
    "u2pl": U2PL,
    "flexmatch": [{**FIXMATCH, "select": CURRICULUM}],
    "freematch": [
        {**FIXMATCH, "select": {"type": "SelfAdaptiveThreshold", "momentum": 0.9}}
    ],
    "unimatch_v2": [UNIMATCH],
    "prevmatch": [{**CONSISTENCY, "mix": "cutmix"}, FURTHER],
}
NETWORKS = {
    "cps": {"second": {"type": "Peer"}},
    "prevmatch": {
        "old": {"type": "Snapshot", "interval": 2},
        "older": {"type": "Snapshot", "interval": 2, "offset": 1},
    },
}
"""Further networks of a method."""
METHODS = [*OBJECTIVES, "mlmt"]


def method_config(method: str) -> dict:
    """The config of a method's model with a teacher."""
    common = {"teacher": {"momentum": 0.9}, "data_preprocessor": PREPROCESSOR}
    if method == "mlmt":
        cfg = {
            "type": "MultiLabelMeanTeacher",
            "classifier": {
                "type": "MultiLabelClassifier",
                "backbone": tiny_segmentor()["backbone"],
                "in_channels": 16,
                "num_classes": NUM_CLASSES,
            },
            "consistency": {"weight": 2.0},
        }
    else:
        cfg = {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "networks": NETWORKS.get(method),
            "objectives": copy.deepcopy(OBJECTIVES[method]),
        }
    return {**cfg, **common}


def build_method(method: str, seed: int = 0) -> nn.Module:
    """A method's model with a teacher, the same whenever it is built."""
    torch.manual_seed(seed)
    if method == "u2pl":
        # Its percentiles follow the length of the training.
        MessageHub.get_current_instance().update_info("max_iters", LENGTH)
    return MODELS.build(method_config(method)).train()


def student_of(model: nn.Module) -> nn.Module:
    """What the teacher of a method's model follows."""
    return getattr(model, "segmentor", None) or model.classifier


def method_batch(
    seed: int, labeled: int = 4, unlabeled: int = 4, ignored: int | None = None
) -> dict:
    """A batch that serves every method, with views, pseudo-masks and image labels.

    Args:
        seed: Decides on its content.
        labeled: Images with masks.
        unlabeled: Images without.
        ignored: Rows of each mask that do not count; None: another number in each.
    """
    data = batch(labeled, unlabeled, SIZE, seed=seed, views=VIEWS)
    other = batch(labeled, 0, SIZE, seed=seed + 1)
    for key, branches in data.items():
        branches["labeled_teacher"] = other[key]["labeled"]
    generator = torch.Generator().manual_seed(seed)
    second = torch.eye(3, dtype=torch.float64)
    second[0, 2], second[1, 2] = -SHIFT[0], -SHIFT[1]
    for name, samples in data["data_samples"].items():
        # Views of an image show the same, but for the noise.
        scene = torch.Generator().manual_seed(2 * seed + name.startswith("labeled"))
        for image, sample in zip(data["inputs"][name], samples, strict=True):
            quarters = torch.randint(0, NUM_CLASSES, (2, 2), generator=scene)
            mask = quarters.repeat_interleave(SIZE // 2, 0)
            mask = mask.repeat_interleave(SIZE // 2, 1)
            if name == "unlabeled_second":
                sample.set_metainfo({"homography": second.clone()})
                mask = mask.roll((-SHIFT[1], -SHIFT[0]), dims=(0, 1))
            image.copy_(image // 4 + COLOURS[mask].permute(2, 0, 1))
            shown = torch.zeros(NUM_CLASSES).index_fill(0, quarters.flatten(), 1)
            sample.set_data({"gt_image_labels": shown})
            masks = mask.repeat(2, 1, 1)
            rows = int(torch.randint(0, SIZE, (), generator=generator))
            masks[:, : rows if ignored is None else ignored] = 255
            if name in ("labeled", "unlabeled_strong"):
                sample.gt_sem_seg = PixelData(data=masks[:1])
            if not name.endswith("_teacher"):
                sample.set_data({"pseudo_sem_seg": PixelData(data=masks[1:])})
    return data


def optimizers_of(
    model: nn.Module, precision: str = "float32", lr: float = 0.05
) -> dict:
    """The config of the optimizers of a method's model."""
    cfg = {
        "constructor": "JointOptimWrapperConstructor",
        "precision": precision,
        "segmentor": {"optimizer": {"type": "SGD", "lr": lr, "momentum": 0.9}},
    }
    if any(name.endswith("discriminator") for name, _ in model.named_modules()):
        adam = {"type": "Adam", "lr": 1e-4, "betas": (0.9, 0.99)}
        cfg["discriminator"] = {"optimizer": adam}
    return cfg
