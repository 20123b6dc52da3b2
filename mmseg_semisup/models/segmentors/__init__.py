"""The wrapper around any mmseg segmentor, and what it hands to the objectives."""

from .seg_output import SegOutput
from .semi_segmentor import SemiSegmentor
from .step import Step
from .teacher import Teacher

__all__ = ["SegOutput", "SemiSegmentor", "Step", "Teacher"]
