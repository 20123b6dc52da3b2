"""The runner: MMEngine's, with checkpoints that are read safely and must fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn as nn
from mmengine.config import Config
from mmengine.model import is_model_wrapper
from mmengine.runner import CheckpointLoader, Runner
from mmseg.registry import RUNNERS

from mmseg_semisup.engine.checkpoint import use_safe_checkpoints
from mmseg_semisup.engine.weights import load_weights

ADDED_BY_METHODS = ("teacher.", "objectives.", "iteration.")
"""Parts of ``SemiSegmentor`` that a checkpoint of a plain segmentor lacks."""


@RUNNERS.register_module()
class SemiRunner(Runner):
    """MMEngine's runner that refuses weights of another model.

    The segmentor's weights must always fit. What methods add to it may be absent where
    training starts from the weights of another run. A resume needs all of it, a test
    the teacher, if the config has one. ``load_strict=False`` in the config loads
    whatever fits, as MMEngine does; a resume is always strict.
    """

    _purpose = "use"

    def train(self) -> nn.Module:
        """Train, from ``load_from`` or resumed, as MMEngine does."""
        self._purpose = "start"
        try:
            return super().train()
        finally:
            self._purpose = "use"

    def resume(
        self,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: str | Callable = "default",
    ) -> None:
        """Resume all that shapes training, as MMEngine does."""
        before, self._purpose = self._purpose, "resume"
        try:
            super().resume(
                filename, resume_optimizer, resume_param_scheduler, map_location
            )
        finally:
            self._purpose = before

    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable = "cpu",
        strict: bool | None = None,
        revise_keys: list | None = None,
    ) -> dict[str, Any]:
        """Load weights that fit the model.

        Args:
            filename: A file, an address, or whatever MMEngine's readers take.
            map_location: Where tensors go, as in :func:`torch.load`.
            strict: Whether a misfit is an error. None: ``load_strict`` of the config,
                which is True unless it is set.
            revise_keys: Renamings as MMEngine has them; only without ``strict``.

        Returns:
            The checkpoint.

        Raises:
            CheckpointError: If the file cannot be read, or belongs to another model.
        """
        if strict is None:
            strict = self.cfg.get("load_strict", True) or self._purpose == "resume"
        if not strict or revise_keys:
            revise_keys = revise_keys or [(r"^module\.", "")]
            return super().load_checkpoint(filename, map_location, False, revise_keys)
        checkpoint = CheckpointLoader.load_checkpoint(
            str(filename), map_location, logger=self.logger
        )
        self.call_hook("after_load_checkpoint", checkpoint=checkpoint)
        model = self.model.module if is_model_wrapper(self.model) else self.model
        lacking = load_weights(
            model,
            checkpoint,
            str(filename),
            may_lack={"start": ADDED_BY_METHODS, "use": ADDED_BY_METHODS[1:]}.get(
                self._purpose, ()
            ),
            may_add=() if self._purpose == "resume" else ADDED_BY_METHODS,
        )
        if lacking:
            self.logger.info(
                f"{filename} has only the segmentor; {len(lacking)} entries of what "
                f"the method adds to it keep their initial values"
            )
        self._has_loaded = True
        self.logger.info(f"Load checkpoint from {filename}")
        return checkpoint


def build_runner(cfg: Config, trust_checkpoint: bool = False) -> Runner:
    """Build the runner of a config, after making the reading of checkpoints safe.

    Args:
        cfg: A complete config.
        trust_checkpoint: Whether checkpoints may execute code while they are read.

    Returns:
        A :class:`SemiRunner`, or what the config's ``runner_type`` names.
    """
    use_safe_checkpoints(trust_checkpoint)
    if "runner_type" in cfg:
        return RUNNERS.build(cfg)
    return SemiRunner.from_cfg(cfg)
