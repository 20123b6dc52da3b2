"""Hooks."""

from .checkpoint_hook import AtomicCheckpointHook
from .deferred_info_hook import DeferredInfoHook
from .teacher_hook import TeacherUpdateHook

__all__ = ["AtomicCheckpointHook", "DeferredInfoHook", "TeacherUpdateHook"]
