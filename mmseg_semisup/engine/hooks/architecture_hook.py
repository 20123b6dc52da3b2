"""Refuses a checkpoint of another architecture."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor, nn

from mmseg_semisup.core.errors import CheckpointError


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
        """Compare the names and sizes.

        Args:
            runner: The runner, with its model.
            checkpoint: The loaded checkpoint: a state dict, or a dict with one.

        Raises:
            CheckpointError: If the checkpoint is of another architecture.
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


def adapt_names(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Rename the parts of an older checkpoint to their present names, in place.

    Args:
        model: The model, bare or wrapped.
        state: The ``state_dict`` of a checkpoint.

    Raises:
        CheckpointError: If a part cannot be matched.
    """
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
    common = sorted(set(own) & set(state))
    shapes = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
        for name in common
        if isinstance(own[name], Tensor) and own[name].shape != state[name].shape
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


def _in_backbone(key: str) -> bool:
    return key.removeprefix("segmentor.").startswith("backbone.")


def _has(state: dict[str, Tensor], prefix: str) -> bool:
    return any(name.startswith(prefix) for name in state)
