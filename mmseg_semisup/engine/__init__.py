"""Optimizers, hooks, loops and checkpoints."""

from .hooks import *  # noqa: F403
from .loops import TeacherStudentValLoop
from .optim import JointOptimWrapper, JointOptimWrapperConstructor
from .runner import SemiRunner, build_runner

__all__ = [
    "JointOptimWrapper",
    "JointOptimWrapperConstructor",
    "SemiRunner",
    "TeacherStudentValLoop",
    "build_runner",
]
