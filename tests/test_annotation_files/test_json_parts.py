from __future__ import annotations

import json

import pytest

from mmseg_semisup.annotation_files import json_parts
from mmseg_semisup.annotation_files.json_parts import JsonParts
from mmseg_semisup.core.errors import DataError

ODD = {"a": 'x"]}\\', "b": [[{"c": 1}], {}], "d": {"images": [{}]}}


def read(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    parts = JsonParts(path)
    return [(part.key, parts.read(part)) for part in parts.parts()]


@pytest.mark.parametrize("indent", [None, 2])
def test_lists_within_an_object(tmp_path, indent):
    content = {"info": ODD, "images": [ODD, {}], "n": [1, [2]], "annotations": [ODD]}
    found = read(tmp_path / "a.json", json.dumps(content, indent=indent))
    assert found == [("images", ODD), ("images", {}), ("annotations", ODD)]


def test_a_list(tmp_path):
    assert read(tmp_path / "a.json", [ODD, {"x": [ODD]}]) == [
        ("", ODD),
        ("", {"x": [ODD]}),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("what?", "is no JSON, or is cut off"),
        ('{"images": [{"a": 1}, {"b"', "is no JSON, or is cut off"),
        ('{"images": [{"a": nothing}]}', "byte 12 .images.: it is no JSON"),
        ("[" * 200, "nested too deep"),
    ],
)
def test_damage(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        read(tmp_path / "a.json", text)


def test_entries_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(json_parts, "LARGEST", 10)
    with pytest.raises(DataError, match="an entry of 24 bytes is too large"):
        read(tmp_path / "a.json", [{"a": "aaaaaaaaaaaaaaa"}])
