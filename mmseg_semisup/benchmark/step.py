"""A training step without a runner, on a given batch."""

from __future__ import annotations

import copy
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.logging import MessageHub
from mmengine.model import BaseModel, revert_sync_batchnorm
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import HOOKS, MODELS

from mmseg_semisup.core.config_types import SCOPE_KEY, is_type
from mmseg_semisup.datasets.collate import widened
from mmseg_semisup.engine.graphs import Graphs
from mmseg_semisup.engine.hooks.acceleration_hook import AccelerationHook, accelerate
from mmseg_semisup.engine.optim import JointOptimWrapper
from mmseg_semisup.export.plain_model import plain_model
from mmseg_semisup.models.data_preprocessor import prepared_model
from mmseg_semisup.models.training_facts import IMAGES, LABELED, LENGTH

LONG = 10**6
"""Iterations of a training that counts epochs, after which all objectives are on."""


class TrainingStep:
    """One training step: preprocess, forward, backward, optimizers, teacher.

    All objectives are active, whatever their start.

    Args:
        model: The model, in training mode and on its device.
        optim_wrapper: Its optimizers.
        batch: A batch as the data loader gives it.
    """

    def __init__(
        self, model: BaseModel, optim_wrapper: OptimWrapper, batch: dict[str, Any]
    ) -> None:
        self.model = model
        self.optim_wrapper = optim_wrapper
        self.batch = batch
        self.graphs: Graphs | None = None

    @classmethod
    def from_config(
        cls, cfg: Config, batch: dict[str, Any], device: str
    ) -> TrainingStep:
        """Build model and optimizers of a config.

        Args:
            cfg: The config.
            batch: A batch of its data loader.
            device: Where to run.
        """
        init_default_scope(cfg.get("default_scope", "mmseg"))
        model = MODELS.build(ConfigDict(prepared_model(cfg)))
        # The runner does the same in one process.
        model = revert_sync_batchnorm(model).to(device).train()
        graphs = None
        for hook in cfg.get("custom_hooks") or []:
            if is_type(hook, HOOKS, AccelerationHook):
                left_out = ("type", "priority", SCOPE_KEY)
                options = {k: v for k, v in hook.items() if k not in left_out}
                graphs = accelerate(model, **options)
        length = cfg.train_cfg.get("max_iters", LONG)
        hub = MessageHub.get_current_instance()
        hub.update_info(LENGTH, length)
        sizes = {view: max(1, len(images)) for view, images in batch["inputs"].items()}
        hub.update_info(LABELED, sizes["labeled"])
        hub.update_info(IMAGES, sizes, resumed=False)
        if hasattr(model, "iteration"):
            model.iteration.value = length
        if hasattr(model, "follow"):
            model.follow()
        if hasattr(model, "make_ready"):
            model.make_ready()
        optim_wrapper = build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))
        if isinstance(optim_wrapper, JointOptimWrapper):
            # As NumbersHook does it in a training.
            optim_wrapper.deferred = True
        step = cls(model, optim_wrapper, batch)
        step.graphs = graphs
        return step

    @classmethod
    def of_mmseg(cls, cfg: Config, batch: dict[str, Any], device: str) -> TrainingStep:
        """Build the step of plain MMSegmentation: labelled images only.

        Args:
            cfg: The config.
            batch: A batch of its data loader.
            device: Where to run.
        """
        model_cfg = plain_model(cfg)
        for head in _heads(model_cfg):
            head["loss_decode"] = dict(type="CrossEntropyLoss")
        model = revert_sync_batchnorm(MODELS.build(model_cfg)).to(device).train()
        optimizer = dict(type="SGD", lr=1e-3, momentum=0.9)
        optim_wrapper = build_optim_wrapper(model, dict(optimizer=optimizer))
        labeled = {key: branches["labeled"] for key, branches in batch.items()}
        labeled["data_samples"] = widened(labeled["data_samples"])
        return cls(model, optim_wrapper, labeled)

    def __call__(self) -> None:
        """Run one step."""
        if self.graphs is not None:
            self.graphs.begin()
        self.model.train_step(self.batch, self.optim_wrapper)
        if hasattr(self.model, "follow"):
            self.model.follow()


def load_batch(cfg: Config) -> dict[str, Any]:
    """The first training batch of a config.

    Args:
        cfg: The config.

    Returns:
        The result of its collate function.
    """
    init_default_scope(cfg.get("default_scope", "mmseg"))
    loader = copy.deepcopy(cfg.train_dataloader)
    loader.update(num_workers=0, persistent_workers=False)
    loader.pop("prefetch_factor", None)
    return next(iter(Runner.build_dataloader(loader, seed=0)))


def _heads(model: dict[str, Any]) -> list[dict[str, Any]]:
    heads: list[dict[str, Any]] = []
    for key in ("decode_head", "auxiliary_head"):
        value = model.get(key) or []
        heads += value if isinstance(value, (list, tuple)) else [value]
    return heads
