"""Strings, placeholders and left-over keys in the content of a config."""

from __future__ import annotations

from mmseg_semisup.stages.config_nodes import replaced, strings, undelete

CONTENT = {"a": ["x", {"b": "{here}/y"}], "c": ("z", 3), "d": None}


def test_all_strings_have_their_paths():
    found = list(strings(CONTENT, ""))
    assert found == [("a.0", "x"), ("a.1.b", "{here}/y"), ("c.0", "z")]
    assert list(strings({}, "")) == []


def test_placeholders_are_replaced_and_the_rest_stays():
    changed = replaced(CONTENT, {"{here}": "folder"})
    assert changed == {"a": ["x", {"b": "folder/y"}], "c": ("z", 3), "d": None}
    assert CONTENT["a"][1]["b"] == "{here}/y"


def test_keys_that_delete_are_dropped_at_any_depth():
    content = {"_delete_": True, "a": [{"_delete_": True, "b": 1}]}
    assert undelete(content) == {"a": [{"b": 1}]}
