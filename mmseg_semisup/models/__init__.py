"""Segmentors, objectives, losses, heads, backbones and classifiers.

``datasets`` and ``core`` may be imported.
"""

from .backbones import *  # noqa: F403
from .classifiers import MultiLabelClassifier, MultiLabelMeanTeacher
from .data_preprocessor import SemiDataPreprocessor
from .discriminators import FCDiscriminator, ImageDiscriminator
from .fused_segmentor import FusedSegmentor
from .heads import *  # noqa: F403
from .losses import HardPixelCrossEntropy, PixelCrossEntropy
from .objectives import (
    AdversarialObjective,
    ClassContrastObjective,
    ConsistencyObjective,
    ContextContrastObjective,
    CrossPseudoObjective,
    FeatureMatchingObjective,
    FurtherLabelsObjective,
    LatentClassObjective,
    Objective,
    PseudoMaskObjective,
    SelfTaughtObjective,
    SupervisedObjective,
    TwinBranchObjective,
    WeakMaskObjective,
)
from .policies import (
    AdaptiveCutMix,
    ChannelDropout,
    ClassMix,
    ClassWeights,
    ConfidenceThreshold,
    ConfidentShare,
    CurriculumThreshold,
    CutMix,
    CutOut,
    Ensemble,
    EntropyPercentile,
    MeanConfidence,
    Mixup,
    NetworkLabels,
    ReliableCrossEntropy,
    SelfAdaptiveThreshold,
    SquaredDifference,
)
from .segmentors import (
    Average,
    Peer,
    ProbabilityEncoderDecoder,
    SemiSegmentor,
    Snapshot,
)
from .step import SegOutput, Step, View
from .teacher import Teacher

__all__ = [
    "AdaptiveCutMix",
    "AdversarialObjective",
    "Average",
    "ChannelDropout",
    "ClassContrastObjective",
    "ClassMix",
    "ClassWeights",
    "ConfidenceThreshold",
    "ConfidentShare",
    "ConsistencyObjective",
    "ContextContrastObjective",
    "CrossPseudoObjective",
    "CurriculumThreshold",
    "CutMix",
    "CutOut",
    "Ensemble",
    "EntropyPercentile",
    "FCDiscriminator",
    "FeatureMatchingObjective",
    "FurtherLabelsObjective",
    "FusedSegmentor",
    "HardPixelCrossEntropy",
    "ImageDiscriminator",
    "LatentClassObjective",
    "MeanConfidence",
    "Mixup",
    "MultiLabelClassifier",
    "MultiLabelMeanTeacher",
    "NetworkLabels",
    "Objective",
    "Peer",
    "PixelCrossEntropy",
    "ProbabilityEncoderDecoder",
    "PseudoMaskObjective",
    "ReliableCrossEntropy",
    "SegOutput",
    "SelfAdaptiveThreshold",
    "SelfTaughtObjective",
    "SemiDataPreprocessor",
    "SemiSegmentor",
    "Snapshot",
    "SquaredDifference",
    "Step",
    "SupervisedObjective",
    "Teacher",
    "TwinBranchObjective",
    "View",
    "WeakMaskObjective",
]
