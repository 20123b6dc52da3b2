"""Trainings of several stages, each of which may use the results of earlier ones.

``pseudo_masks``, ``benchmark``, ``export`` and the layers below them may be imported.
"""

from .plan import (
    Stage,
    base_config,
    has_stages,
    last_stage,
    split_stages,
    without_checkpoints,
    without_stages,
)
from .record import Record
from .run import train_stages

__all__ = [
    "Record",
    "Stage",
    "base_config",
    "has_stages",
    "last_stage",
    "split_stages",
    "train_stages",
    "without_checkpoints",
    "without_stages",
]
