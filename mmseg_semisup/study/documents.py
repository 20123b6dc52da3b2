"""Writes numbers of studies into documents, between markers.

In Markdown, ``<!-- study: NAME -->`` and ``<!-- /study -->`` enclose the table,
``study: NAME notes`` and ``study: NAME classes`` what stands below it, and
``study: NAME METHOD VALUE`` a single number; ``METHOD@LIST`` names one of several
lists. In YAML, a comment with ``study: NAME METHOD yaml`` has ``mIoU: 42.50`` below it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.text import suggest

from .gains import Row, make_rows
from .table import VALUES, make_class_table, make_notes, make_table

BLOCKS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "table": make_table,
    "classes": make_class_table,
    "notes": make_notes,
}
YAML = "yaml"
MARKED = re.compile(
    r"(?P<start>(?P<indent>[ ]*)(?P<comment># )?<!-- study: (?P<what>[^>]*?) -->)"
    r"(?P<inside>.*?)(?P<end><!-- /study -->)",
    re.DOTALL,
)
PATTERNS = ("*.md", "docs/**/*.md", "configs/*/*.md", "configs/*/metafile.yml")
"""Where documents of a project are."""
RECORDS = Path("docs", "records")
"""Where a project keeps the records of published studies."""


def find_documents(root: Path) -> list[Path]:
    """Documents of a project that have a marker."""
    found = {path for pattern in PATTERNS for path in root.glob(pattern)}
    return [p for p in sorted(found) if MARKED.search(p.read_text(encoding="utf-8"))]


def named_studies(text: str) -> set[str]:
    """Names of the studies that a document has numbers of."""
    return {m["what"].split()[0] for m in MARKED.finditer(text) if m["what"].split()}


def update_text(text: str, records: Mapping[str, Mapping[str, Any]], where: str) -> str:
    """Write the numbers of studies between their markers.

    Args:
        text: A document.
        records: Records of studies, by name; others stay as they are.
        where: The document's name, for messages.

    Raises:
        ConfigError: If a marker names something that a study does not have.
    """

    def replaced(match: re.Match[str]) -> str:
        words = match["what"].split()
        if not words or words[0] not in records:
            return match.group()
        try:
            inside = _content(words[1:], records[words[0]], match)
        except ConfigError as error:
            raise ConfigError(f"{where}: study: {match['what']}: {error}") from error
        return f"{match['start']}{inside}{match['end']}"

    return MARKED.sub(replaced, text)


def _content(words: list[str], record: Mapping[str, Any], match: re.Match[str]) -> str:
    if len(words) <= 1 and (not words or words[0] in BLOCKS):
        return f"\n{BLOCKS[words[0] if words else 'table'](record)}\n"
    if len(words) > 2:
        raise ConfigError(
            f"allowed: NAME, NAME METHOD VALUE, or NAME and one of {', '.join(BLOCKS)}"
        )
    row = _row(words[0], record)
    value = words[1] if len(words) == 2 else "last"
    if value == YAML:
        indent = match["indent"]
        mean = fmean(row.scores("last"))
        return f"\n{indent}mIoU: {mean:.2f}\n{indent}# "
    if value not in VALUES:
        hint = suggest(value, VALUES)
        raise ConfigError(
            f"there is no value {value!r}; {hint}there are {', '.join(VALUES)}, {YAML}"
        )
    text = VALUES[value](row)
    if not text:
        raise ConfigError(f"the study has no {value!r} of {words[0]!r}")
    return text


def _row(name: str, record: Mapping[str, Any]) -> Row:
    method, _, split = name.partition("@")
    rows = make_rows(record)
    found = [
        row
        for row in rows
        if row.method == method and (not split or row.split == split)
    ]
    if not found:
        names = [f"{row.method}@{row.split}" for row in rows]
        hint = suggest(method, [row.method for row in rows])
        raise ConfigError(
            f"the study has no finished {name!r}; {hint}it has {', '.join(names)}"
        )
    return found[0]


def outdated(
    root: Path, records: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[Path, str]]:
    """Documents whose numbers are not those of the records, with their right text.

    Raises:
        ConfigError: If a marker names something that a study does not have.
    """
    for path in find_documents(root):
        text = path.read_text(encoding="utf-8")
        new = update_text(text, records, str(path.relative_to(root)))
        if new != text:
            yield path, new
