"""Exchangeable parts of objectives: label sources, selection, mixing, losses.

Each policy is a registered module with one method; its state is in buffers, and thus in
the checkpoint. ``models.step`` may be imported.
"""

from .adaptive_cut_mix import AdaptiveCutMix
from .adaptive_threshold import CurriculumThreshold, SelfAdaptiveThreshold
from .class_mix import ClassMix
from .class_weights import ClassWeights
from .cut_out import CutOut
from .ensemble import Ensemble
from .entropy import EntropyPercentile
from .labels import Judgement, LabelSource, NetworkLabels
from .lesson import Labelling, Lesson
from .mix import CutMix, Mix
from .mixing import Blending, Erasing, Mixing, Parts, Target
from .mixup import Mixup
from .perturb import ChannelDropout, ComplementaryDropout, Perturb
from .pixel_loss import (
    LabelCrossEntropy,
    PixelLoss,
    ReliableCrossEntropy,
    SquaredDifference,
)
from .select import (
    ConfidenceThreshold,
    ConfidentShare,
    MeanConfidence,
    Select,
    SharedSelection,
)

__all__ = [
    "AdaptiveCutMix",
    "Blending",
    "ChannelDropout",
    "ClassMix",
    "ClassWeights",
    "ComplementaryDropout",
    "ConfidenceThreshold",
    "ConfidentShare",
    "CurriculumThreshold",
    "CutMix",
    "CutOut",
    "Ensemble",
    "EntropyPercentile",
    "Erasing",
    "Judgement",
    "LabelCrossEntropy",
    "LabelSource",
    "Labelling",
    "Lesson",
    "MeanConfidence",
    "Mix",
    "Mixing",
    "Mixup",
    "NetworkLabels",
    "Parts",
    "Perturb",
    "PixelLoss",
    "ReliableCrossEntropy",
    "Select",
    "SelfAdaptiveThreshold",
    "SharedSelection",
    "SquaredDifference",
    "Target",
]
