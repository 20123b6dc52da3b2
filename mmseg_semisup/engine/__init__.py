"""Optimizers, hooks, loops and checkpoints."""

from .hooks import *  # noqa: F403
from .loops import TeacherStudentValLoop
from .optim import JointOptimWrapper, JointOptimWrapperConstructor

__all__ = [
    "JointOptimWrapper",
    "JointOptimWrapperConstructor",
    "TeacherStudentValLoop",
]
