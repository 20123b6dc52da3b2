"""Reads a page of HTML strictly: balanced, self-contained, without scripts."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "link", "meta", "input"}
URL = re.compile(r"url\(\s*['\"]?([^)'\"]{0,40})")


class StrictPage(HTMLParser):
    """A page that is read; any fault raises AssertionError.

    Attributes:
        tags: Names of all elements, in order.
        texts: All texts outside of the style sheet, joined.
        ids: Names of places.

    Args:
        content: The page, UTF-8.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.texts = ""
        self.ids: list[str] = []
        self._links: list[str] = []
        self._open: list[str] = []
        text = content.decode("utf-8")
        assert text.startswith("<!DOCTYPE html>")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", text)
        self.feed(text)
        self.close()
        assert self._open == []
        assert len(self.ids) == len(set(self.ids))
        inner = [link[1:] for link in self._links if link.startswith("#")]
        assert set(inner) <= set(self.ids)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check attributes, and remember the tag."""
        assert re.fullmatch("[a-zA-Z][a-zA-Z0-9]*", tag)
        assert tag not in ("script", "iframe", "object", "embed", "link", "base")
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        for name, value in attrs:
            assert re.fullmatch("[a-z][a-z0-9-]*", name), (tag, name)
            assert not name.startswith("on"), (tag, name)
            value = value or ""
            if name == "src":
                assert value.startswith("data:image/"), value[:40]
            if name == "href":
                self._links.append(value)
                assert ":" not in value, value
                assert not value.startswith("//"), value
            if name == "style":
                _check_style(value)
            if name == "id":
                self.ids.append(value)
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Refuse what is no HTML."""
        raise AssertionError(f"<{tag}/>")

    def handle_endtag(self, tag: str) -> None:
        """Check that it ends the last element that is open."""
        assert self._open, tag
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        if self._open and self._open[-1] == "style":
            _check_style(data)
        else:
            self.texts += data

    def handle_comment(self, data: str) -> None:
        """Refuse comments, which no page has."""
        raise AssertionError(f"<!--{data}-->")


def _check_style(text: str) -> None:
    assert "@import" not in text
    assert all(url.startswith("data:image/") for url in URL.findall(text))
