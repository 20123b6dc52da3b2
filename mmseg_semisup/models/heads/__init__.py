"""Decode heads that MMSegmentation lacks, and auxiliary branches for training.

``models.step`` and ``models.backbones`` may be imported.
"""

from .auxiliary_branch import AuxiliaryBranch
from .deeplabv2_head import DeepLabV2Head
from .deeplabv3plus_head import DeepLabV3PlusHead
from .last_stage import EfficientNetLiteLastStage, ResNetLastStage
from .projector import Projector
from .unimatch_dpt_head import UniMatchDPTHead
from .unimatch_v2_checkpoint import from_unimatch_v2, to_unimatch_v2

__all__ = [
    "AuxiliaryBranch",
    "DeepLabV2Head",
    "DeepLabV3PlusHead",
    "EfficientNetLiteLastStage",
    "Projector",
    "ResNetLastStage",
    "UniMatchDPTHead",
    "from_unimatch_v2",
    "to_unimatch_v2",
]
