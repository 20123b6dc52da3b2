"""What the command line says of a composition."""

from __future__ import annotations

import argparse

import pytest

from mmseg_semisup.cli.config import add_method_arguments, composition_of


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {}),
        ("--encoder dinov2-small", {"encoder": "dinov2-small"}),
        ("--encoder dinov2-small w.pth", {"encoder": ["dinov2-small", "w.pth"]}),
        (
            "--method cutmix --unlabeled a b",
            {"method": "cutmix", "unlabeled": ["a", "b"]},
        ),
        ("--rare-classes", {"rare_classes": True}),
        ("--method cutmix s4gan", {"method": ["cutmix", "s4gan"]}),
    ],
)
def test_what_is_named_is_composed(line, expected):
    parser = argparse.ArgumentParser()
    add_method_arguments(parser)
    found = composition_of(parser.parse_args(line.split()))
    assert {key: value for key, value in found.items() if value is not None} == expected
