"""Names of a training's networks, and of their weights in a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from mmseg_semisup.core.errors import ConfigError

STUDENT, TEACHER = "student", "teacher"


def members(network: str | Sequence[str]) -> list[str]:
    """The networks that a name stands for: ``A+B`` is the mean of two.

    >>> members("student"), members("student+second"), members(["student", "second"])
    (['student'], ['student', 'second'], ['student', 'second'])
    """
    return network.split("+") if isinstance(network, str) else list(network)


def mean_name(networks: str | Sequence[str]) -> str:
    """The name of one network, or of the mean of several.

    >>> mean_name(["student", "second"])
    'student+second'
    """
    return "+".join(members(networks))


def predicting(network: str | Sequence[str], names: Sequence[str]) -> str:
    """The name of the network that predicts, or of the mean of several.

    Args:
        network: ``test_cfg.predict_with``.
        names: Names of the model's networks.

    Raises:
        ValueError: If there is no such network, or one is named twice.
    """
    chosen = members(network)
    if TEACHER in chosen and TEACHER not in names:
        raise ValueError(f"test_cfg.predict_with={network!r}, but teacher=None")
    if not chosen or {*chosen} - {*names} or len({*chosen}) < len(chosen):
        raise ValueError(
            f"test_cfg.predict_with={network!r}; allowed: {list(names)}, or a list of "
            "several, whose mean predicts"
        )
    return mean_name(chosen)


def predicting_names(model: Mapping[str, Any]) -> list[str]:
    """Names of the networks that predict by a model's config; of several, the mean.

    >>> predicting_names({"test_cfg": {"predict_with": "teacher"}})
    ['teacher']
    >>> predicting_names({"type": "EncoderDecoder"})
    ['student']
    """
    return members((model.get("test_cfg") or {}).get("predict_with", STUDENT))


def predicting_name(model: Mapping[str, Any]) -> str:
    """Name of the network that predicts by a model's config.

    Raises:
        ConfigError: If the mean of several does.
    """
    names = predicting_names(model)
    if len(names) > 1:
        raise ConfigError(
            f"the config predicts with the mean of {' and '.join(names)}; choose one "
            "with --network"
        )
    return names[0]


def state_prefix(network: str) -> str:
    """Prefix of the names of a network's weights in a ``SemiSegmentor``.

    >>> state_prefix("student"), state_prefix("peer")
    ('segmentor.', 'networks.peer.network.')
    """
    if network == STUDENT:
        return "segmentor."
    return "teacher.network." if network == TEACHER else f"networks.{network}.network."


def configured_networks(model: Mapping[str, Any]) -> list[str]:
    """Names of the networks of a model's config, the student first."""
    teacher = [TEACHER] if model.get("teacher") else []
    further = [k for k, v in (model.get("networks") or {}).items() if v is not None]
    return [STUDENT, *teacher, *further]


def check_network(
    network: str,
    model: Mapping[str, Any],
    where: str,
    owner: str = "the config's model",
) -> None:
    """Raise ConfigError for a network that a model's config does not have.

    Args:
        network: The name.
        model: Config of the model.
        where: The place that names it, for the message.
        owner: Name of the model in the message.

    Raises:
        ConfigError: If there is no such network.
    """
    names = configured_networks(model)
    if network not in names:
        close = get_close_matches(network, names, n=1)
        advice = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"{where}={network!r}, but {owner} has {names}{advice}")
