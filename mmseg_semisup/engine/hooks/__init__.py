"""Hooks."""

from .deferred_info_hook import DeferredInfoHook
from .teacher_hook import TeacherUpdateHook

__all__ = ["DeferredInfoHook", "TeacherUpdateHook"]
