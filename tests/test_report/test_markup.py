"""Texts are escaped, whatever they hold."""

from __future__ import annotations

import html

import pytest
from strict_html import StrictPage

from mmseg_semisup.report.markup import Html, el, join, table, terms, text

ODD = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert('1')>",
    "a & b &lt; c",
    "\x1b[2J\x00\u202e",
    "bytes \udcff of a name",
    "--> <!-- ]]>",
    "`</style></title>`",
]


@pytest.mark.parametrize("odd", ODD)
def test_odd_texts_stay_texts(odd):
    body = el("p", odd, title=odd, data_name=odd)
    shown = table([odd], [[odd]], (0,)) + terms([(odd, odd)])
    page = el("html", el("body", body, Html(shown), join([odd], odd)))
    read = StrictPage(f"<!DOCTYPE html>{page}".encode())
    assert set(read.tags) == {
        *("html", "body", "p", "div", "table", "thead", "tbody", "tr", "th"),
        *("dl", "dt", "dd"),
    }
    assert read.texts.count(html.unescape(text(odd))) == 6


def test_attributes_are_written_as_html_has_them():
    made = el("a", class_="x", aria_label="y", open=True, id=None, hidden=False)
    assert made == '<a class="x" aria-label="y" open></a>'
    assert el("img", alt="z") == '<img alt="z">'
    assert el("meta", name="n") == '<meta name="n">'


def test_markup_is_not_escaped_twice():
    assert el("p", el("b", "<"), None) == "<p><b>&lt;</b></p>"
    assert join(["<", el("i")], "&") == "&lt;&amp;<i></i>"
