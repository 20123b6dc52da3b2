"""Writes the config of a training into its work-dir."""

from __future__ import annotations

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_semisup.core.config_file import write_config


@HOOKS.register_module()
class ConfigFileHook(Hook):
    """Writes the config when nothing more can refuse the training.

    MMEngine's runner writes it when it is built: a test, a dry run or a resume that is
    refused would leave its own options there, and the next test would read them.
    """

    # After the dry run.
    priority = "VERY_LOW"

    def before_train(self, runner: Runner) -> None:
        """Write it as ``WORK_DIR/NAME.py``, NAME being that of the config.

        Raises:
            WriteError: If it cannot be written.
        """
        if is_main_process():
            name = Path(runner.cfg.filename or f"{runner.timestamp}.py").name
            write_config(runner.cfg, Path(runner.work_dir, name))
