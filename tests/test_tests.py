"""The tests themselves: each asserts something, and they mirror the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ASSERTING = ("assert", "raises", "warns", "fail")
"""How the names of functions begin that fail a test."""


class Functions:
    """The functions of all files in a folder of tests, by file and name.

    Args:
        folder: Holds Python files whose names differ.
    """

    def __init__(self, folder: Path) -> None:
        self.found: dict[tuple[str, str], ast.FunctionDef] = {}
        self.imported: dict[tuple[str, str], tuple[str, str]] = {}
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef):
                    self.found[path.stem, node.name] = node
                elif isinstance(node, ast.ImportFrom):
                    for alias in node.names:
                        known_as = (path.stem, alias.asname or alias.name)
                        self.imported[known_as] = (node.module or "", alias.name)

    def asserts(self, key: tuple[str, str], seen: frozenset = frozenset()) -> bool:
        """Whether a function, or one of the tests' own that it calls, can fail."""
        key = self.imported.get(key, key)
        if key in seen or key not in self.found:
            return False
        for node in ast.walk(self.found[key]):
            if isinstance(node, ast.Assert):
                return True
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name.startswith(ASSERTING):
                    return True
                if self.asserts((key[0], name), seen | {key}):
                    return True
        return False

    def without_assertion(self) -> Iterator[str]:
        """The tests that cannot fail but by an error."""
        for file, name in self.found:
            if name.startswith("test_") and not self.asserts((file, name)):
                yield f"{file}.py::{name}"


def test_every_test_asserts_something():
    assert list(Functions(TESTS).without_assertion()) == []


CASES = {
    "assert 1 == 1": True,
    "with pytest.raises(ValueError): work()": True,
    "torch.testing.assert_close(1, 1)": True,
    "helper()": True,
    "other()": True,
    "work()": False,
    "print('assert')": False,
}


@pytest.mark.parametrize("body", CASES)
def test_what_counts_as_an_assertion(tmp_path, body):
    (tmp_path / "helpers.py").write_text("def shared():\n    assert 1\n")
    (tmp_path / "test_one.py").write_text(
        "from helpers import shared as other\n"
        "def helper():\n    assert 1\n"
        "def work():\n    work()\n"
        f"def test_it():\n    {body}\n"
    )
    missing = list(Functions(tmp_path).without_assertion())
    assert missing == ([] if CASES[body] else ["test_one.py::test_it"])
