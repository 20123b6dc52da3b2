"""Hooks of MkDocs: pages from outside of docs/, and links that fit the site.

The pages are written for a reader of the repository: their links are relative to their
files. The site has the README as its first page, and a page for each method.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
MARKER = re.compile(r"( *)(?:[-*+]|\d+\.) +")
FENCE = re.compile(r"^ *```")
OUTSIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "code_of_conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "docs/tutorials/magnetic_tiles.ipynb": "tutorials/magnetic_tiles.md",
    "mmseg_semisup/datasets/splits/README.md": "splits.md",
}
"""Files outside of docs/, and notebooks, to their pages, besides the methods' own."""


def outside() -> dict[str, str]:
    """Files outside of docs/ to their pages."""
    methods = {
        path.relative_to(ROOT).as_posix(): f"methods/{path.parent.name}.md"
        for path in sorted(ROOT.glob("configs/*/README.md"))
    }
    return {**OUTSIDE, **methods}


def page_of(path: str) -> str | None:
    """The page or file of the site that shows a file or folder of the repository.

    Args:
        path: Its path from the root of the repository.

    Returns:
        Its path from the root of the site's sources, or None.
    """
    pages = outside()
    for name in (path, f"{path}/README.md"):
        if name in pages:
            return pages[name]
    return path.removeprefix("docs/") if path.startswith("docs/") else None


def source_of(page: str) -> str:
    """The file of the repository from which a page is made."""
    sources = {uri: path for path, uri in outside().items()}
    return sources.get(page, f"docs/{page}")


def adapt_links(text: str, page: str, repository: str = "") -> str:
    """Let the links of a page lead to other pages of the site.

    Args:
        text: The page in Markdown.
        page: Its path from the root of the site's sources.
        repository: Address of the repository, for files that the site lacks; without
            it, only the words of such links are kept.

    Returns:
        The page with adapted links; code in fences is not changed.
    """
    folder = posixpath.dirname(source_of(page))

    def adapt(found: re.Match[str]) -> str:
        mark, words, link = found.groups()
        path, hash_sign, anchor = link.partition("#")
        if not path or ":" in path:
            return found[0]
        target = posixpath.normpath(posixpath.join(folder, path))
        uri = page_of(target)
        if uri is not None:
            uri = posixpath.relpath(uri, posixpath.dirname(page) or ".")
            return f"{mark}[{words}]({uri}{hash_sign}{anchor})"
        if not repository:
            return words
        return f"{mark}[{words}]({repository.rstrip('/')}/blob/HEAD/{target})"

    lines, is_code = [], False
    for line in text.split("\n"):
        is_code ^= FENCE.match(line) is not None
        lines.append(line if is_code else LINK.sub(adapt, line))
    return "\n".join(lines)


def indent_lists(text: str) -> str:
    """Indent what belongs to an item of a list by four spaces a level.

    Python-Markdown asks for them, and for an empty line in front of an item if the one
    before has several paragraphs; GitHub aligns all with the words of the item.
    """
    lines: list[str] = []
    items: list[int] = []  # where the words of the open items begin
    is_code = after_blank = has_paragraphs = False
    for line in text.split("\n"):
        words = line.lstrip(" ")
        indent = len(line) - len(words)
        marker = None if is_code else MARKER.match(line)
        has_paragraphs = bool(items) and (has_paragraphs or after_blank)
        if words and not is_code and (marker or after_blank):
            while items and indent < items[-1]:
                items.pop()
        level = len(items)
        own = max(indent - items[-1], 0) if items else indent
        if marker:
            if has_paragraphs and not after_blank:
                lines.append("")
            items.append(len(marker[0]))
            own = 0
        lines.append(" " * (4 * level + own) + words if words else "")
        is_code ^= FENCE.match(line) is not None
        after_blank = not words
    return "\n".join(lines)


def notebook_page(text: str) -> str:
    """The words and the code of a Jupyter notebook, in Markdown.

    Args:
        text: The notebook's file.
    """
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        is_code = cell["cell_type"] == "code"
        parts.append(f"```python\n{source}\n```" if is_code else source)
    return "\n\n".join(parts)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages from outside of docs/."""
    from mkdocs.structure.files import File

    for path, uri in outside().items():
        text = (ROOT / path).read_text(encoding="utf-8")
        if path.endswith(".ipynb"):
            text = notebook_page(text)
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Adapt the links and lists of a page."""
    text = adapt_links(markdown, page.file.src_uri, config.repo_url or "")
    return indent_lists(text)
