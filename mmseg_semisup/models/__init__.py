"""Segmentors, objectives, losses, heads and backbones."""

from .backbones import *  # noqa: F403
from .classifiers import MultiLabelClassifier, MultiLabelMeanTeacher
from .data_preprocessor import SemiDataPreprocessor
from .discriminators import FCDiscriminator, ImageDiscriminator
from .heads import *  # noqa: F403
from .losses import PixelCrossEntropy
from .objectives import (
    AdversarialObjective,
    ConsistencyObjective,
    ContextContrastObjective,
    FeatureMatchingObjective,
    LatentClassObjective,
    Objective,
    PseudoMaskObjective,
    SelfTaughtObjective,
    TwinBranchObjective,
    WeakMaskObjective,
)
from .segmentors import SegOutput, SemiSegmentor, Step, Teacher

__all__ = [
    "AdversarialObjective",
    "ConsistencyObjective",
    "ContextContrastObjective",
    "FCDiscriminator",
    "FeatureMatchingObjective",
    "ImageDiscriminator",
    "LatentClassObjective",
    "MultiLabelClassifier",
    "MultiLabelMeanTeacher",
    "Objective",
    "PixelCrossEntropy",
    "PseudoMaskObjective",
    "SegOutput",
    "SelfTaughtObjective",
    "SemiDataPreprocessor",
    "SemiSegmentor",
    "Step",
    "Teacher",
    "TwinBranchObjective",
    "WeakMaskObjective",
]
