"""Checks the data before a training begins."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_semisup.core.distributed import on_main
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.checks import ALLOWABLE, LEVELS, check_data


@HOOKS.register_module()
class DataCheckHook(Hook):
    """Checks all images and masks of the config, as ``tools/check_data.py`` does.

    Args:
        level: 'cheap' reads lists and headers of files, thousands in a second; 'full'
            also loads every image and mask; 'off' checks nothing.
        allow: Kinds of problems that are only warned of: 'missing-class', 'overlap'
            (labelled images among the unlabelled ones), 'validated' (training images
            that are validated or tested). They count at each level.

    Raises:
        ValueError: If an argument is not allowed.
    """

    priority = "VERY_HIGH"

    def __init__(self, level: str = "cheap", allow: Sequence[str] = ()) -> None:
        if level not in LEVELS:
            raise ValueError(f"DataCheckHook: level={level!r}; allowed: {list(LEVELS)}")
        if not set(allow) <= set(ALLOWABLE):
            raise ValueError(
                f"DataCheckHook: allow={list(allow)}; allowed: {list(ALLOWABLE)}"
            )
        self.level = level
        self.allow = tuple(allow)

    def before_train(self, runner: Runner) -> None:
        """Check the data, in the main process.

        Raises:
            ConfigError: If there are problems; the message is the report.
        """
        if self.level == "off":
            return
        on_main(lambda: self._check(runner))

    def _check(self, runner: Runner) -> None:
        report = check_data(
            runner.cfg, self.level, self.allow, report=runner.logger.info
        )
        if report.problems:
            raise ConfigError(f"the data has mistakes\n{report.text()}")
        table = report.table()
        runner.logger.info(report.text() + (f"\n{table}" if table else ""))
