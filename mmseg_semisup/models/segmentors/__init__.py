"""The wrapper around any mmseg segmentor, and what it hands to the objectives."""

from .networks import Average, Peer, Snapshot
from .seg_output import SegOutput
from .semi_segmentor import SemiSegmentor
from .step import Step
from .teacher import Teacher
from .view import View

__all__ = [
    "Average",
    "Peer",
    "SegOutput",
    "SemiSegmentor",
    "Snapshot",
    "Step",
    "Teacher",
    "View",
]
