"""The parts of a training: optimizers, loops, hooks, runner, resuming, preemption.

``evaluation``, ``models``, ``datasets`` and ``core`` may be imported.
"""

from .hooks import *  # noqa: F403
from .loops import TeacherStudentValLoop
from .optim import JointOptimWrapper, JointOptimWrapperConstructor

__all__ = [
    "JointOptimWrapper",
    "JointOptimWrapperConstructor",
    "TeacherStudentValLoop",
]
