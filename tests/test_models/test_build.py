from __future__ import annotations

import pytest
from mmseg.registry import MODELS

from mmseg_semisup.models.build import build_part, check_arguments


def function(first: int, second: int = 2, *rest: int) -> None:
    """Has one argument that must be there."""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": 1, "third": 3}, r"part: function has no argument 'third'; allowed"),
        ({"second": 1}, "part: missing 'first'"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        check_arguments(function, arguments, "part")


def test_right_arguments_and_those_of_a_function_that_takes_any():
    assert check_arguments(function, {"first": 1}, "part") is None
    assert check_arguments(lambda **anything: anything, {"x": 1}, "part") is None


def test_a_part_is_built_by_its_type():
    part = build_part(MODELS, {"type": "CrossEntropyLoss", "loss_weight": 0.5}, "loss")
    assert part.loss_weight == 0.5
    with pytest.raises(
        ValueError, match="loss: type='CrosEntropyLoss' is not a registered"
    ):
        build_part(MODELS, {"type": "CrosEntropyLoss"}, "loss")
    with pytest.raises(ValueError, match="loss: CrossEntropyLoss has no argument 'w'"):
        build_part(MODELS, {"type": "CrossEntropyLoss", "w": 0.5}, "loss")
