"""HTML whose texts are escaped by construction: plain strings are never markup."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from typing import Any

from mmseg_semisup.core.terminal import printable

VOID = ("br", "hr", "img", "link", "meta")
"""Elements without content and end tag."""


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def text(value: Any) -> Html:
    """A value as escaped text; control characters are shown as their escapes."""
    if isinstance(value, Html):
        return value
    return Html(html.escape(printable(str(value)), quote=True))


def join(parts: Iterable[Any], between: str = "") -> Html:
    """Parts in a row, each escaped unless it is markup."""
    return Html(text(between).join(text(part) for part in parts if part is not None))


def el(element: str, /, *content: Any, **attributes: Any) -> Html:
    """An element.

    Args:
        element: Name of the element.
        *content: Texts, which are escaped, and markup; None is left out.
        **attributes: Values are escaped; an underscore at the end of a name is left
            out, others become hyphens; None is left out, True has no value.

    >>> el("p", "1 < 2 ", el("b", "&"), class_="x")
    '<p class="x">1 &lt; 2 <b>&amp;</b></p>'
    """
    parts = [element]
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(attribute)
        elif value is not None and value is not False:
            parts.append(f'{attribute}="{text(value)}"')
    start = f"<{' '.join(parts)}>"
    return Html(start if element in VOID else f"{start}{join(content)}</{element}>")


def table(
    head: Sequence[Any], rows: Iterable[Sequence[Any]], numbers: Sequence[int] = ()
) -> Html:
    """A table that scrolls by itself where it is too wide.

    Args:
        head: Titles of the columns.
        rows: Cells of each row; the first cell is a heading.
        numbers: Columns of figures, which are aligned at the right.
    """
    classes = ["n" if i in numbers else None for i in range(len(head))]
    titles = [
        el("th", title, class_=c, scope="col")
        for title, c in zip(head, classes, strict=True)
    ]
    lines = []
    for row in rows:
        first, *rest = zip(row, classes, strict=True)
        cells = [el("th", first[0], class_=first[1], scope="row")]
        cells += [el("td", cell, class_=c) for cell, c in rest]
        lines.append(el("tr", *cells))
    head_row = el("thead", el("tr", *titles))
    return el("div", el("table", head_row, el("tbody", *lines)), class_="scroll")


def details(summary: Any, *content: Any, open_: bool = False) -> Html:
    """Content that a click opens."""
    return el("details", el("summary", summary), *content, open=open_ or None)


def terms(values: Iterable[tuple[Any, Any]]) -> Html:
    """A list of terms with their descriptions; line breaks of texts stay."""
    pairs = [
        el("div", el("dt", term), el("dd", value, class_="lines"))
        for term, value in values
    ]
    return el("dl", *pairs)


def data_url(content: bytes, kind: str) -> str:
    """A file as an URL that holds it.

    Args:
        content: The bytes of the file.
        kind: Its type, such as 'image/png'.
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
