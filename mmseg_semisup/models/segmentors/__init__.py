"""The wrapper of any mmseg segmentor, and further networks by name.

``models.step``, ``models.objectives`` and ``models.teacher`` may be imported.
"""

from .networks import Average, Peer, Snapshot
from .probability_windows import ProbabilityEncoderDecoder
from .semi_segmentor import SemiSegmentor

__all__ = [
    "Average",
    "Peer",
    "ProbabilityEncoderDecoder",
    "SemiSegmentor",
    "Snapshot",
]
