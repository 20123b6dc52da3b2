"""docs/reference/ lists every part of a config, with every argument."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

pytest.importorskip("griffe")

import reference_pages
from mmengine.registry import FUNCTIONS
from reference_pages import COMMAND, FOLDER, arguments_of, markdown, pages, registered

ROOT = Path(__file__).resolve().parents[1]


def test_the_pages_are_up_to_date():
    written = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
    assert written == pages(), f"docstrings have changed; run: {COMMAND}"


def decorated() -> set[str]:
    """Names of all classes and functions that the sources register."""
    names = set()
    for path in (ROOT / "mmseg_semisup").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            decorators = map(ast.unparse, getattr(node, "decorator_list", ()))
            if any("register_module" in decorator for decorator in decorators):
                names.add(node.name)
    return names


def test_every_registered_part_has_an_entry():
    headings = set()
    for text in pages().values():
        headings.update(re.findall(r"^## (\w+)$", text, flags=re.MULTILINE))
    assert decorated() - headings == set()
    assert len(headings) > 80


def test_every_argument_is_described():
    parts = [*registered(), *reference_pages.UNREGISTERED]
    missing = [
        f"{part.__module__}.{part.__name__}({argument.name})"
        for part in parts
        for argument in arguments_of(part)
        if not argument.meaning
    ]
    assert missing == []


def test_no_argument_is_described_that_does_not_exist():
    unknown = []
    for part in [*registered(), *reference_pages.UNREGISTERED]:
        names = {argument.name.lstrip("*") for argument in arguments_of(part)}
        described = set(reference_pages.described(part))
        unknown += [f"{part.__name__}: {name}" for name in described - names]
    assert unknown == []


def test_the_rows_of_a_table_have_equal_numbers_of_cells():
    for name, text in pages().items():
        cells = 2 if name == "methods.md" else 4
        for line in text.splitlines():
            if line.startswith("|"):
                assert line.count("|") == cells + 1, line


class Undescribed:
    """A part whose docstring is incomplete.

    Args:
        one: 1|2, see :class:`~mmseg_semisup.Teacher`.
    """

    __module__ = "mmseg_semisup.models.policies"

    def __init__(self, one: str | None, two: dict[str, int | str] | int = 3) -> None:
        self.one = one, two


def test_a_missing_description_is_noticed():
    one, two = arguments_of(Undescribed)
    assert (one.type, one.default) == ("`str` or `None`", "required")
    assert markdown(one.meaning) == "1&#124;2, see `Teacher`."
    assert (two.type, two.default) == ("`dict[str, int or str]` or `int`", "`3`")
    assert two.meaning == ""


def test_a_part_without_a_page_is_refused(monkeypatch):
    def lost() -> None:
        """Somewhere else."""

    lost.__module__ = "mmseg_semisup.misc"
    monkeypatch.setitem(FUNCTIONS.module_dict, "lost", lost)
    assert inspect.isfunction(lost)
    with pytest.raises(LookupError, match="no page lists lost of misc"):
        pages()
