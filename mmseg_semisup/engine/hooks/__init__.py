"""Hooks that guard a training, and those that make it faster.

Other modules of ``engine`` and the layers below may be imported, except the runner,
which registers the hooks.
"""

from .acceleration_hook import AccelerationHook
from .architecture_hook import ArchitectureCheckHook
from .checkpoint_hook import AtomicCheckpointHook
from .class_scores_hook import ClassScoresHook
from .config_file_hook import ConfigFileHook
from .data_check_hook import DataCheckHook
from .deferred_info_hook import DeferredInfoHook
from .fresh_counters_hook import FreshCountersHook
from .health_hook import HealthHook
from .history_hook import HistoryHook
from .ignore_value_hook import IgnoreValueHook
from .learning_rates_hook import LearningRatesHook
from .method_check_hook import MethodCheckHook
from .new_best_hook import NewBestHook
from .numbers_hook import NumbersHook
from .outline_hook import OutlineHook
from .preemption_hook import PreemptionHook
from .repeat_validation_hook import RepeatValidationHook
from .resumed_config_hook import ResumedConfigHook
from .resumed_schedule_hook import ResumedScheduleHook
from .save_masks_hook import SaveMasksHook
from .teacher_hook import TeacherUpdateHook
from .threshold_check_hook import ThresholdCheckHook
from .training_facts_hook import TrainingFactsHook
from .view_check_hook import ViewCheckHook
from .window_timer_hook import WindowTimerHook

__all__ = [
    "AccelerationHook",
    "ArchitectureCheckHook",
    "AtomicCheckpointHook",
    "ClassScoresHook",
    "ConfigFileHook",
    "DataCheckHook",
    "DeferredInfoHook",
    "FreshCountersHook",
    "HealthHook",
    "HistoryHook",
    "IgnoreValueHook",
    "LearningRatesHook",
    "MethodCheckHook",
    "NewBestHook",
    "NumbersHook",
    "OutlineHook",
    "PreemptionHook",
    "RepeatValidationHook",
    "ResumedConfigHook",
    "ResumedScheduleHook",
    "SaveMasksHook",
    "TeacherUpdateHook",
    "ThresholdCheckHook",
    "TrainingFactsHook",
    "ViewCheckHook",
    "WindowTimerHook",
]
