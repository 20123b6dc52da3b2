"""Objectives: the training signals from unlabelled images, one in each file.

``models.step``, ``policies``, ``losses``, ``heads`` and ``discriminators`` may be
imported, ``models.segmentors`` may not.
"""

from .adversarial import AdversarialObjective
from .base import Objective
from .class_contrast import ClassContrastObjective
from .consistency import ConsistencyObjective
from .container import Objectives, named_configs
from .context_contrast import ContextContrastObjective
from .cross_pseudo import CrossPseudoObjective
from .feature_matching import FeatureMatchingObjective
from .further_labels import FurtherLabelsObjective
from .latent_classes import LatentClassObjective
from .pseudo_mask import PseudoMaskObjective
from .self_taught import SelfTaughtObjective
from .supervised import SupervisedObjective
from .twin_branch import TwinBranchObjective
from .unimatch import UniMatchObjective
from .weak_masks import WeakMaskObjective

__all__ = [
    "AdversarialObjective",
    "ClassContrastObjective",
    "ConsistencyObjective",
    "ContextContrastObjective",
    "CrossPseudoObjective",
    "FeatureMatchingObjective",
    "FurtherLabelsObjective",
    "LatentClassObjective",
    "Objective",
    "Objectives",
    "PseudoMaskObjective",
    "SelfTaughtObjective",
    "SupervisedObjective",
    "TwinBranchObjective",
    "UniMatchObjective",
    "WeakMaskObjective",
    "named_configs",
]
