"""Hooks."""

from .architecture_hook import ArchitectureCheckHook
from .checkpoint_hook import AtomicCheckpointHook
from .deferred_info_hook import DeferredInfoHook
from .teacher_hook import TeacherUpdateHook

__all__ = [
    "ArchitectureCheckHook",
    "AtomicCheckpointHook",
    "DeferredInfoHook",
    "TeacherUpdateHook",
]
