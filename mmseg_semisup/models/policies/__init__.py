"""Exchangeable parts of objectives: label sources, selection, mixing, perturbation.

Each policy is a registered module with one method; its state is in buffers, and thus in
the checkpoint. ``models.step`` may be imported.
"""

from .labels import Ensemble, Judgement, LabelSource, NetworkLabels
from .mix import CutMix, Mix, Mixing
from .perturb import ChannelDropout
from .select import ConfidenceThreshold, Select, SharedSelection

__all__ = [
    "ChannelDropout",
    "ConfidenceThreshold",
    "CutMix",
    "Ensemble",
    "Judgement",
    "LabelSource",
    "Mix",
    "Mixing",
    "NetworkLabels",
    "Select",
    "SharedSelection",
]
