"""Segmentors, objectives, losses, heads, backbones and classifiers.

``datasets`` and ``core`` may be imported.
"""

from .backbones import *  # noqa: F403
from .classifiers import MultiLabelClassifier, MultiLabelMeanTeacher
from .data_preprocessor import SemiDataPreprocessor
from .discriminators import FCDiscriminator, ImageDiscriminator
from .fused_segmentor import FusedSegmentor
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
from .policies import (
    ChannelDropout,
    ConfidenceThreshold,
    CutMix,
    Ensemble,
    NetworkLabels,
)
from .segmentors import Average, Peer, SemiSegmentor, Snapshot
from .step import SegOutput, Step, View
from .teacher import Teacher

__all__ = [
    "AdversarialObjective",
    "Average",
    "ChannelDropout",
    "ConfidenceThreshold",
    "ConsistencyObjective",
    "ContextContrastObjective",
    "CutMix",
    "Ensemble",
    "FCDiscriminator",
    "FeatureMatchingObjective",
    "FusedSegmentor",
    "ImageDiscriminator",
    "LatentClassObjective",
    "MultiLabelClassifier",
    "MultiLabelMeanTeacher",
    "NetworkLabels",
    "Objective",
    "Peer",
    "PixelCrossEntropy",
    "PseudoMaskObjective",
    "SegOutput",
    "SelfTaughtObjective",
    "SemiDataPreprocessor",
    "SemiSegmentor",
    "Snapshot",
    "Step",
    "Teacher",
    "TwinBranchObjective",
    "View",
    "WeakMaskObjective",
]
