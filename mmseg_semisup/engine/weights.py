"""Loading weights into a model, and refusing those that belong to another one."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch.nn as nn

from mmseg_semisup.engine.checkpoint import CheckpointError

SHOWN = 4
_SIZE_MISMATCH = re.compile(
    r"size mismatch for (\S+): copying a param with shape (.+?) from checkpoint, "
    r"the shape in current model is (.+?)\.?$",
    re.MULTILINE,
)


def load_weights(
    model: nn.Module,
    checkpoint: Mapping[str, Any],
    name: str,
    may_lack: Sequence[str] = (),
    may_add: Sequence[str] = (),
) -> list[str]:
    """Load the weights of a checkpoint, all of them or none that could mislead.

    Args:
        model: The model, without a wrapper for several processes.
        checkpoint: A checkpoint, or a bare ``state_dict``.
        name: The file's name, for messages.
        may_lack: Prefixes of keys that the file need not have.
        may_add: Prefixes of keys that the model need not have.

    Returns:
        Keys of the model that the file lacks and that ``may_lack`` excuses.

    Raises:
        CheckpointError: If keys are missing, unknown or of another shape. The message
            names the first of them and says what to do.
    """
    state = _without_wrapper(checkpoint.get("state_dict", checkpoint))
    try:
        result = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        shapes = [
            f"{key} is {found} in the file, {wanted} in the model"
            for key, found, wanted in _SIZE_MISMATCH.findall(str(error))
        ]
        raise _mismatch(name, "with another shape", shapes or [str(error)]) from None
    missing = _not_under(result.missing_keys, may_lack)
    unknown = _not_under(result.unexpected_keys, may_add)
    if missing:
        raise _mismatch(name, "that the file lacks", missing)
    if unknown:
        raise _mismatch(name, "that the model does not have", unknown)
    return list(result.missing_keys)


def _without_wrapper(state: Mapping[str, Any]) -> OrderedDict:
    """Drop the prefix that wrappers for several processes leave."""
    bare = OrderedDict((key.removeprefix("module."), v) for key, v in state.items())
    if hasattr(state, "_metadata"):
        bare._metadata = state._metadata
    return bare


def _not_under(keys: Iterable[str], prefixes: Sequence[str]) -> list[str]:
    return [key for key in keys if not key.startswith(tuple(prefixes))]


def _mismatch(name: str, what: str, keys: Sequence[str]) -> CheckpointError:
    shown = "; ".join(keys[:SHOWN]) + ("; ..." if len(keys) > SHOWN else "")
    return CheckpointError(
        f"{name} belongs to another model: {len(keys)} keys {what}: {shown}. Use the "
        f"config with which the file was made (another architecture, number of "
        f"classes or objective changes the keys). To start training from whatever "
        f"fits, set load_strict=False in the config"
    )
