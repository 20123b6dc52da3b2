"""A composed config imports this package beside what it imported."""

from __future__ import annotations

import pytest

from mmseg_semisup.composition.imports import with_package


@pytest.mark.parametrize(
    ("stated", "names"),
    [
        (None, ["mmseg_semisup"]),
        ({"imports": "mine"}, ["mine", "mmseg_semisup"]),
        ({"imports": ["mmseg_semisup", "mine"]}, ["mmseg_semisup", "mine"]),
    ],
)
def test_the_package_is_imported_once(stated, names):
    expected = {"imports": names, "allow_failed_imports": False}
    assert with_package(stated) == expected
    assert with_package(expected) == expected


def test_failed_imports_stay_allowed():
    stated = {"imports": ["mine"], "allow_failed_imports": True}
    assert with_package(stated)["allow_failed_imports"] is True
