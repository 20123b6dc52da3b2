"""Names that are one on some file systems."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from mmseg_semisup.core import file_names
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.file_names import check_distinct

PAIRS = [
    ("A", "a"),
    ("city/A", "City/A"),
    ("x/Straße", "x/STRASSE"),
    ("\u00e4", "a\u0308"),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_a_file_system_that_tells_them_apart(tmp_path, pair):
    check_distinct(tmp_path / "new", pair)
    assert os.listdir(tmp_path / "new") == []


@pytest.fixture
def insensitive(monkeypatch):
    """File systems do not tell upper from lower case."""

    def exists(path: str) -> bool:
        present = (name.casefold() for name in os.listdir(os.path.dirname(path)))
        normal = unicodedata.normalize("NFC", os.path.basename(path)).casefold()
        return normal in {unicodedata.normalize("NFC", name) for name in present}

    monkeypatch.setattr(file_names.os.path, "lexists", exists)


@pytest.mark.parametrize("pair", PAIRS)
def test_one_that_does_not(tmp_path, insensitive, pair):
    with pytest.raises(ConfigError, match=f"other: {pair[0]} and {pair[1]}; rename"):
        check_distinct(tmp_path, ["b", *pair, "B/c"])
    assert os.listdir(tmp_path) == []


def test_names_that_differ_are_not_tried():
    check_distinct("/proc/nowhere", ["a", "b", "a/b", "b/a", "ab"])
    assert not Path("/proc/nowhere").exists()
