"""Refuses a checkpoint of another architecture."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor, nn

from mmseg_semisup.core.errors import CheckpointError
from mmseg_semisup.core.text import shorten
from mmseg_semisup.engine.optimizer_state import find_optimizer_fault


@HOOKS.register_module()
class ArchitectureCheckHook(Hook):
    """Compares a checkpoint's weights with the model's before they are loaded.

    MMEngine loads the weights that fit and logs the others.

    Args:
        strict: Whether all weights must fit, as for resuming and testing. Otherwise, as
            for a training that starts from other weights, the backbone's must fit, and
            a head for other classes may start untrained.
    """

    def __init__(self, strict: bool = True) -> None:
        self.strict = strict

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare names, sizes and types, and the state of the optimizers.

        Args:
            runner: The runner, with its model.
            checkpoint: The loaded checkpoint: a state dict, or a dict with one.

        Raises:
            CheckpointError: If the checkpoint is of another architecture, or of the
                tested classes in another order.
        """
        state = checkpoint.get("state_dict", checkpoint)
        adapt_names(runner.model, state)
        state = {name.removeprefix("module."): value for name, value in state.items()}
        model = runner.model
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        name = str(runner.cfg.get("load_from") or "the checkpoint")
        if hasattr(model, "segmentor") and not _has(state, "segmentor."):
            if self.strict and getattr(model, "predict_with", None) == "teacher":
                raise CheckpointError(
                    f"{name} holds a plain segmentor, but the teacher is to predict; "
                    f"let the student do it: test_cfg.predict_with='student'"
                )
            model = model.segmentor
        check_state(model, state, self.strict, name)
        _check_order(runner, checkpoint.get("meta"), name)
        if runner._resume and "optimizer" in checkpoint:
            fault = find_optimizer_fault(runner.optim_wrapper, checkpoint["optimizer"])
            if fault is not None:
                raise CheckpointError(
                    f"{name} is of other optimizers than the config's: {fault}"
                )


def _check_order(runner: Runner, meta: Any, name: str) -> None:
    """Refuse a test that gives the classes of a checkpoint other numbers."""
    loader = getattr(runner._test_loop, "dataloader", None)
    data = meta.get("dataset_meta") if isinstance(meta, dict) else None
    learnt = data.get("classes") if isinstance(data, dict) else None
    if loader is None or not isinstance(learnt, (list, tuple)):
        return
    learnt = [*map(str, learnt)]
    tested = getattr(loader.dataset, "metainfo", {}).get("classes") or ()
    if learnt != list(tested) and sorted(learnt) == sorted(tested):
        raise CheckpointError(
            f"{name} was trained with the classes in the order {shorten(learnt)}, and "
            f"test_dataloader has them as {shorten(tested)}"
        )


def adapt_names(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Rename the parts of an older checkpoint to their present names, in place.

    Args:
        model: The model, bare or wrapped.
        state: The ``state_dict`` of a checkpoint.

    Raises:
        CheckpointError: If it holds no weights, or a part cannot be matched.
    """
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise CheckpointError("the checkpoint's state_dict is no dictionary of weights")
    bare: Any = model
    while is_model_wrapper(bare) or isinstance(bare, BaseTTAModel):
        bare = bare.module
    if hasattr(bare, "rename_positions"):
        try:
            bare.rename_positions(state)
        except ValueError as error:
            raise CheckpointError(str(error)) from error


def check_state(
    model: nn.Module,
    state: dict[str, Tensor],
    strict: bool = True,
    name: str = "the checkpoint",
) -> None:
    """Compare weights with the model that is to load them.

    Args:
        model: The network.
        state: The ``state_dict`` of a checkpoint.
        strict: Whether all must fit; otherwise those of the backbone must, or, in a
            model without a backbone, at least one.
        name: What to call the checkpoint in the message.

    Raises:
        CheckpointError: If they do not fit; the message names some of them.
    """
    own = model.state_dict()
    if not strict and any(_in_backbone(key) for key in own):
        own, state = (
            {key: value for key, value in weights.items() if _in_backbone(key)}
            for weights in (own, state)
        )
        strict = True
    common = [key for key in sorted(set(own) & set(state)) if _is_tensor(own[key])]
    inexact = [
        f"{key} {reason}"
        for key in common
        if (reason := _why_inexact(state[key], own[key]))
    ]
    if inexact:
        raise CheckpointError(
            f"{name} has weights that cannot be copied exactly: {shorten(inexact)}"
        )
    shapes = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
        for key in common
        if own[key].shape != state[key].shape
    ]
    if not strict and len(shapes) < len(common):
        return
    problems = {
        "missing": sorted(set(own) - set(state)),
        "unexpected": sorted(set(state) - set(own)),
        "of other size": shapes,
    }
    found = [
        f"{len(names)} {kind} ({', '.join(names[:3])}{', ...' if names[3:] else ''})"
        for kind, names in problems.items()
        if names
    ]
    if found:
        raise CheckpointError(
            f"{name} is of another architecture than the config's model; weights: "
            f"{'; '.join(found)}. Use the config with which it was made"
        )


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def _why_inexact(value: Any, own: Tensor) -> str | None:
    """What keeps a value from being copied exactly into a weight of its size."""
    if not isinstance(value, Tensor):
        return f"is a {type(value).__name__}"
    if value.is_quantized or value.is_meta or value.layout is not torch.strided:
        kind = "quantized" if value.is_quantized else str(value.layout)
        return f"is {'on no device' if value.is_meta else kind}"
    promoted = torch.promote_types(value.dtype, own.dtype)
    floating = value.dtype.is_floating_point == own.dtype.is_floating_point
    if value.dtype != own.dtype and not (floating and promoted == own.dtype):
        return f"is {value.dtype} instead of {own.dtype}"
    return None


def _in_backbone(key: str) -> bool:
    return key.removeprefix("segmentor.").startswith("backbone.")


def _has(state: dict[str, Tensor], prefix: str) -> bool:
    return any(name.startswith(prefix) for name in state)
