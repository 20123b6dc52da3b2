"""Decode heads that MMSegmentation lacks, and auxiliary branches for training.

``models.step`` and ``models.backbones`` may be imported.
"""

from .auxiliary_branch import AuxiliaryBranch
from .deeplabv2_head import DeepLabV2Head
from .last_stage import EfficientNetLiteLastStage, ResNetLastStage
from .projector import Projector

__all__ = [
    "AuxiliaryBranch",
    "DeepLabV2Head",
    "EfficientNetLiteLastStage",
    "Projector",
    "ResNetLastStage",
]
