"""The parts of a training: optimizers, loops, hooks, runner, resuming, preemption.

``evaluation``, ``models``, ``datasets`` and ``core`` may be imported.
"""

from .exchange import BucketedDataParallel
from .hooks import *  # noqa: F403
from .loops import EqualSizeTestLoop, EqualSizeValLoop, TeacherStudentValLoop
from .optim import JointOptimWrapper, JointOptimWrapperConstructor

__all__ = [
    "BucketedDataParallel",
    "EqualSizeTestLoop",
    "EqualSizeValLoop",
    "JointOptimWrapper",
    "JointOptimWrapperConstructor",
    "TeacherStudentValLoop",
]
