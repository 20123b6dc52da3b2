"""Makes the model of a failed step; its config may be somebody else's.

A config can name any function of any package, and MMEngine would call it. Here a type
must be registered by one of :data:`PACKAGES`, and nothing is imported, downloaded or
read from other files, unless the author of the file is trusted.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import mmengine.registry
from mmengine.config import ConfigDict
from mmengine.logging import MessageHub
from mmengine.registry import Registry, init_default_scope
from mmengine.utils import import_modules_from_strings
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from mmseg_semisup.core.config_types import SCOPE_KEY
from mmseg_semisup.core.errors import CheckpointError
from mmseg_semisup.core.mistakes import one_line
from mmseg_semisup.models.training_facts import LABELED, LENGTH

from .read import FailedStep

PACKAGES = ("mmcv", "mmengine", "mmseg", "mmseg_semisup", "torch")
WEIGHTS = ("init_cfg", "pretrained")
"""Keys of first weights, which the file's own replace."""
NO_FILES = ("arch", "class_weight")
"""Keys whose value may be the name of a file that is read when a part is built."""
SPARE_PARTS, SPARE_NUMBERS = 1000, 10_000_000
"""Modules and numbers of weights that a model may have beyond a multiple of the
file's."""
REFUSED = ("VPD", "CLIPTextEncoder")
"""Types that read files or call functions by their names."""
ADVICE = (
    "if you know who made the file and trust them, repeat the command with "
    "--trust-checkpoint"
)


def rebuild_model(step: FailedStep, trust: bool) -> nn.Module:
    """Build the model of a failed step, in the state from before it.

    Args:
        step: The step.
        trust: Whether its config may import and call anything.

    Raises:
        CheckpointError: If the config asks for a part that only a trusted file may
            have, cannot be built, or does not fit the weights.
    """
    cfg = copy.deepcopy(step.config["model"])
    init_default_scope(str(step.config.get("default_scope") or "mmseg"))
    _drop_weights(cfg)
    if trust:
        if step.config.get("custom_imports"):
            import_modules_from_strings(**step.config["custom_imports"])
    else:
        _check_types(cfg, "model", _registered())
    hub = MessageHub.get_instance("replay")
    for key in (LENGTH, LABELED):
        hub.update_info(key, getattr(step, key))
    try:
        with _limited(step.state):
            model: nn.Module = MODELS.build(ConfigDict(cfg))
        model.train()
        _set_attributes(model, step.attributes)
        lost = model.load_state_dict(copy.copy(step.state), strict=False)
    except MemoryError as error:
        raise CheckpointError("config.model asks for more memory than there is") from (
            error
        )
    except Exception as error:
        # Arguments of a foreign config may be anything.
        raise CheckpointError(
            f"config.model and state_dict give no model: {one_line(error)}"
        ) from error
    names = [*lost.missing_keys, *lost.unexpected_keys]
    if names:
        raise CheckpointError(
            f"state_dict does not fit config.model: {names[0]!r:.80} is in one of them "
            f"only, and {len(names) - 1} more"
        )
    return model


@contextmanager
def _limited(state: Mapping[str, Any]) -> Iterator[None]:
    """Stop a model that grows far beyond its weights in the file."""
    parts = SPARE_PARTS + 16 * len(state)
    numbers = SPARE_NUMBERS
    numbers += 4 * sum(v.numel() for v in state.values() if isinstance(v, Tensor))

    def count(module: nn.Module, name: str, part: Any) -> None:
        nonlocal parts, numbers
        parts -= 1
        if isinstance(part, Tensor):
            numbers -= part.numel()
        if min(parts, numbers) < 0:
            raise ValueError("the model is much larger than its weights")

    handles = [
        register_module_parameter_registration_hook(count),
        register_module_module_registration_hook(count),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _drop_weights(node: Any) -> None:
    if isinstance(node, dict):
        for key in WEIGHTS:
            if key in node:
                node[key] = None
    for part in node.values() if isinstance(node, dict) else node:
        if isinstance(part, (dict, list, tuple)):
            _drop_weights(part)


def _registered() -> dict[str, str]:
    """Each registered name, and each dotted path of it, to the package it is from."""
    found: dict[str, str] = {}
    for registry in _registries():
        for name, kind in registry.module_dict.items():
            module = getattr(kind, "__module__", "")
            package = module.partition(".")[0]
            path = f"{module}.{getattr(kind, '__qualname__', name)}"
            for key in (name, f"{registry.scope}.{name}", path):
                if found.get(key) not in PACKAGES:
                    found[key] = package
    return found


def _registries() -> Iterator[Registry]:
    for root in vars(mmengine.registry).values():
        if isinstance(root, Registry):
            yield root
            yield from root.children.values()


def _check_types(node: Any, where: str, known: Mapping[str, str]) -> None:
    if isinstance(node, (list, tuple)):
        for index, part in enumerate(node):
            _check_types(part, f"{where}.{index}", known)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        _check_types(value, f"{where}.{key}", known)
    kind = node.get("type")
    if kind is not None and (
        not isinstance(kind, str)
        or known.get(kind) not in PACKAGES
        or kind.rpartition(".")[2] in REFUSED
    ):
        raise CheckpointError(
            f"{where}.type={kind!r:.80} is no part of {', '.join(PACKAGES)}; {ADVICE}"
        )
    scope = node.get(SCOPE_KEY)
    if scope is not None and scope not in PACKAGES:
        raise CheckpointError(f"{where}.{SCOPE_KEY}={scope!r:.40}; {ADVICE}")
    for key in NO_FILES:
        if _is_path(node.get(key)):
            raise CheckpointError(
                f"{where}.{key}={node[key]!r:.80} is a file; {ADVICE}"
            )


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and bool({"/", "\\", "."} & set(value))


def _set_attributes(model: nn.Module, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Restore numbers of modules, and whether they are in the mode of training."""
    for path, module in model.named_modules():
        own = vars(module)
        for name, value in found.get(path, {}).items():
            if name in own and type(own[name]) is type(value):
                own[name] = value
