"""Hooks that guard a training, and those that make it faster.

Other modules of ``engine`` and the layers below may be imported, except the runner,
which registers the hooks.
"""

from .acceleration_hook import AccelerationHook
from .architecture_hook import ArchitectureCheckHook
from .checkpoint_hook import AtomicCheckpointHook
from .data_check_hook import DataCheckHook
from .deferred_info_hook import DeferredInfoHook
from .fresh_counters_hook import FreshCountersHook
from .health_hook import HealthHook
from .ignore_value_hook import IgnoreValueHook
from .numbers_hook import NumbersHook
from .preemption_hook import PreemptionHook
from .repeat_validation_hook import RepeatValidationHook
from .resumed_schedule_hook import ResumedScheduleHook
from .save_masks_hook import SaveMasksHook
from .teacher_hook import TeacherUpdateHook
from .view_check_hook import ViewCheckHook

__all__ = [
    "AccelerationHook",
    "ArchitectureCheckHook",
    "AtomicCheckpointHook",
    "DataCheckHook",
    "DeferredInfoHook",
    "FreshCountersHook",
    "HealthHook",
    "IgnoreValueHook",
    "NumbersHook",
    "PreemptionHook",
    "RepeatValidationHook",
    "ResumedScheduleHook",
    "SaveMasksHook",
    "TeacherUpdateHook",
    "ViewCheckHook",
]
