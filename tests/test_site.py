"""The documentation's site: its navigation, and links that fit it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def load_site():
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "docs/site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Loader(yaml.SafeLoader):
    """Reads MkDocs' tags as None."""


Loader.add_multi_constructor("!", lambda *_: None)
Loader.add_multi_constructor("tag:", lambda *_: None)


def listed(navigation: Any) -> Iterator[str]:
    if isinstance(navigation, str):
        yield navigation
    elif isinstance(navigation, dict):
        for value in navigation.values():
            yield from listed(value)
    else:
        for value in navigation:
            yield from listed(value)


def test_the_navigation_has_every_page_once():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    found = list(listed(yaml.load(text, Loader)["nav"]))  # noqa: S506
    docs = ROOT / "docs"
    pages = [path.relative_to(docs).as_posix() for path in docs.rglob("*.md")]
    assert sorted(found) == sorted([*pages, *load_site().outside().values()])


@pytest.mark.parametrize(
    ("page", "link", "adapted"),
    [
        ("index.md", "docs/usage.md", "usage.md"),
        ("index.md", "docs/images/demo.png", "images/demo.png"),
        ("index.md", "configs/s4gan", "methods/s4gan.md"),
        ("index.md", "docs/data.md#sources", "data.md#sources"),
        ("usage.md", "../SECURITY.md", "security.md"),
        ("usage.md", "reliability.md", "reliability.md"),
        ("usage.md", "#train", "#train"),
        ("usage.md", "https://example.org/a.md", "https://example.org/a.md"),
        ("methods/s4gan.md", "../../docs/results.md", "../results.md"),
        ("methods/s4gan.md", "../mlmt/README.md#a", "mlmt.md#a"),
        ("reference/hooks.md", "../data.md", "../data.md"),
        ("data.md", "../configs/_base_", "https://host/x/blob/HEAD/configs/_base_"),
    ],
)
def test_links_are_adapted(page, link, adapted):
    text = f"see [this]({link}), and"
    expected = f"see [this]({adapted}), and"
    assert load_site().adapt_links(text, page, "https://host/x/") == expected


def test_without_a_repository_the_words_of_a_link_remain():
    adapt = load_site().adapt_links
    assert adapt("the [tool](../tools/train.py)", "data.md") == "the tool"


def test_code_in_fences_is_not_changed():
    text = "```\n[a](../tools/train.py)\n```\n[a](../tools/train.py)"
    expected = "```\n[a](../tools/train.py)\n```\na"
    assert load_site().adapt_links(text, "data.md") == expected


def test_a_notebook_becomes_a_page():
    path = ROOT / "docs/tutorials/magnetic_tiles.ipynb"
    page = load_site().notebook_page(path.read_text(encoding="utf-8"))
    assert page.startswith("# Defects on magnetic tiles")
    assert page.count("\n```python\n") > 8
    for code in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S):
        compile(code, "page", "exec")
    linked = load_site().adapt_links(page, "tutorials/magnetic_tiles.md")
    assert "(../label_next.md)" in linked
    assert "(../methods/supervised.md#magnetic-tiles)" in linked


LISTS = """\
1. One
   goes on.

   - inner
     text

   ```bash
   - code
     more
   ```
2. Two

Outside

- a
- b

    indented
"""
INDENTED = """\
1. One
    goes on.

    - inner
        text

    ```bash
    - code
      more
    ```

2. Two

Outside

- a
- b

      indented
"""


def test_lists_are_indented_for_python_markdown():
    assert load_site().indent_lists(LISTS) == INDENTED


def test_adapted_links_of_all_pages_lead_to_pages_or_files():
    site = load_site()
    pages = [p.relative_to(ROOT / "docs") for p in (ROOT / "docs").rglob("*.md")]
    known = {*map(str, pages), *site.outside().values()}
    for page in known:
        text = (ROOT / site.source_of(page)).read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^)#\s]+)", site.adapt_links(text, page))
        for link in links:
            if ":" not in link:
                target = (Path("/") / page).parent / link
                name = str(target.resolve()).removeprefix("/")
                assert name in known or (ROOT / "docs" / name).is_file(), (page, link)
