"""What a person sees of a run: a console without long texts, and pictures."""

from __future__ import annotations

import itertools
import logging
from typing import Any

from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook, IterTimerHook
from mmengine.logging import MMLogger
from mmengine.runner import (
    BaseLoop,
    LogProcessor,
    Priority,
    Runner,
    TestLoop,
    ValLoop,
)
from mmengine.visualization import Visualizer
from mmseg.evaluation import IoUMetric
from mmseg.registry import HOOKS, LOOPS, METRICS, VISUALIZERS
from mmseg.visualization import SegLocalVisualizer
from torch.utils.data import DataLoader

from mmseg_semisup.core.config_types import type_of
from mmseg_semisup.core.terminal import printable
from mmseg_semisup.datasets.read_image import watch_loaders
from mmseg_semisup.datasets.semi_dataset import SemiDataset
from mmseg_semisup.evaluation import CountedIoUMetric

from .feeding import with_feeding
from .hooks.window_timer_hook import WindowTimerHook
from .log_files import LogGuard
from .loops import EqualSizeTestLoop, EqualSizeValLoop
from .progress_log import ProgressLog

FILE_ONLY = (
    "System environment:",
    "Config:\n",
    "Hooks will be executed in the following order",
    "Exp name: ",
    "Checkpoints will be saved to ",
    # A line or more for each parameter; the outline of a training has the optimizers.
    "paramwise_options -- ",
    "Groups of the optimizer",
    # The outline names the weights that a training starts from.
    "load model from: ",
    "Loads checkpoint by ",
    "Distributed training is not used, all SyncBatchNorm",
    "The prefix is not set in metric class",
    '"FileClient" will be deprecated',
    "`save_param_scheduler` is True but",
    '"HardDiskBackend" is the alias',
    # ClassScoresHook has one table for all networks.
    "per class results:",
)
"""Beginnings of messages that only the log file holds."""

METRIC_TABLE = "\n+-"
"""Beginning of the table that follows 'per class results:'."""

NOWHERE = (
    # One line for each frozen parameter; the outline of a training counts them.
    "is skipped since its requires_grad=False",
    # The data starts at the right place, and nothing is read and thrown away.
    "steps to skip data that has already been trained",
)
"""Parts of messages that say nothing, or something wrong."""

LEGEND_VISUALIZER = "mmseg.SegLegendVisualizer"
BEGINNING = 100
"""Number of characters in which the beginning of a message is looked for."""


class ConciseRunner(Runner):
    """MMEngine's runner, whose console and pictures a person can read.

    The log file holds the config, the environment and the order of the hooks, too.
    Samples are painted as rows with a legend by :class:`SegLegendVisualizer`, where the
    config has mmseg's own visualizer. Logs that cannot be written do not stop it.
    """

    def build_logger(
        self, log_level: int | str = "INFO", log_file: str | None = None, **kwargs: Any
    ) -> MMLogger:
        """Build the logger, and let its console leave out long texts."""
        logger = super().build_logger(log_level, log_file, **kwargs)
        self.log_guard = LogGuard()
        self.log_guard.watch_logger(logger)
        logger.addFilter(_is_news)
        logger.addFilter(_escape)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_is_for_the_console)
                handler.setFormatter(ConsoleFormatter())
        return logger

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader[Any] | dict[str, Any], *args: Any, **kwargs: Any
    ) -> DataLoader[Any]:
        """Build a data loader, of which damaged files are errors that name them."""
        if isinstance(dataloader, dict):
            dataloader = with_feeding(dataloader)
        loader = Runner.build_dataloader(dataloader, *args, **kwargs)
        if not isinstance(loader.dataset, SemiDataset):  # which does so itself
            watch_loaders(loader.dataset)
        return loader

    def build_val_loop(self, loop: BaseLoop | dict[str, Any]) -> BaseLoop:
        """Build the validation; images of equal size are predicted together."""
        return super().build_val_loop(_equal_sizes(loop, ValLoop, EqualSizeValLoop))

    def build_test_loop(self, loop: BaseLoop | dict[str, Any]) -> BaseLoop:
        """Build the test; images of equal size are predicted together."""
        return super().build_test_loop(_equal_sizes(loop, TestLoop, EqualSizeTestLoop))

    def register_hook(
        self,
        hook: Hook | dict[str, Any],
        priority: str | int | Priority | None = None,
    ) -> None:
        """Register a hook; MMEngine's timer learns of images predicted together."""
        if isinstance(hook, dict) and type_of(hook, HOOKS) is IterTimerHook:
            hook = {**hook, "type": WindowTimerHook}
        super().register_hook(hook, priority)

    def build_evaluator(
        self, evaluator: dict[str, Any] | list[Any] | Evaluator
    ) -> Evaluator:
        """Build metrics; mmseg's IoU is counted where the predictions are."""
        return super().build_evaluator(_counted(evaluator))

    def build_log_processor(
        self, log_processor: LogProcessor | dict[str, Any]
    ) -> LogProcessor:
        """Build the config's log processor; ``ProgressLog`` if it states no type."""
        if isinstance(log_processor, dict):
            log_processor = {"type": ProgressLog, **log_processor}
        return super().build_log_processor(log_processor)

    def build_visualizer(
        self, visualizer: Visualizer | dict[str, Any] | None = None
    ) -> Visualizer:
        """Build a visualizer of this run; legends replace names over images."""
        if isinstance(visualizer, dict):
            visualizer = dict(visualizer)
            if type_of(visualizer, VISUALIZERS) is SegLocalVisualizer:
                visualizer["type"] = LEGEND_VISUALIZER
            kind: Any = type_of(visualizer, VISUALIZERS)
            # MMEngine would return that of an earlier stage, with its folder.
            name = visualizer.get("name", self.experiment_name)
            names = (f"{name}-{n}" if n > 1 else name for n in itertools.count(1))
            free = (one for one in names if not kind.check_instance_created(one))
            visualizer["name"] = next(free)
        built = super().build_visualizer(visualizer)
        self.log_guard.watch_backends(built)
        return built


def _equal_sizes(
    loop: BaseLoop | dict[str, Any], plain: type[BaseLoop], ours: type[BaseLoop]
) -> BaseLoop | dict[str, Any]:
    """The config of MMEngine's loop with our type; other loops as they are."""
    if not isinstance(loop, dict):
        return loop
    loop = {"type": plain.__name__, **loop}
    return {**loop, "type": ours.__name__} if type_of(loop, LOOPS) is plain else loop


def _counted(metrics: Any) -> Any:
    """Configs of metrics with the faster class in place of mmseg's own."""
    if isinstance(metrics, (list, tuple)):
        return [_counted(metric) for metric in metrics]
    if type_of(metrics, METRICS) is IoUMetric:
        return {**metrics, "type": CountedIoUMetric.__name__}
    return metrics


class ConsoleFormatter(logging.Formatter):
    """Time and message; the level is named from warnings on."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s  %(message)s", "%m/%d %H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Put the level in front of the message of a warning or an error."""
        if record.levelno > logging.INFO:
            record.message = f"{record.levelname}: {record.message}"
        return super().formatMessage(record)


def _is_news(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not any(part in message for part in NOWHERE)


def _escape(record: logging.LogRecord) -> bool:
    """Escape what names of files and weights would tell a terminal to do."""
    record.msg, record.args = printable(record.getMessage()), None
    return True


def _is_for_the_console(record: logging.LogRecord) -> bool:
    beginning = record.getMessage()[:BEGINNING]
    if beginning.startswith(METRIC_TABLE):
        return False
    return not any(part in beginning for part in FILE_ONLY)
