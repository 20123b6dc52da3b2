"""Trainings of several stages, each of which may learn from the one before."""

from .plan import Stage, has_stages, last_stage, split_stages, without_stages
from .record import Record
from .run import train_stages

__all__ = [
    "Record",
    "Stage",
    "has_stages",
    "last_stage",
    "split_stages",
    "train_stages",
    "without_stages",
]
