"""Small exchangeable parts of objectives: who judges, what counts, what is mixed.

Each policy is a registered module with one method; whatever it remembers lies in
buffers, so that it travels in the checkpoint.
``models.step`` may be imported.
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
