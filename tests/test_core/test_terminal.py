"""A terminal obeys nothing that comes from a file."""

from __future__ import annotations

import io
import logging
import subprocess
import sys

import pytest

from mmseg_semisup.core.terminal import PrintableStream, printable, printing_safely
from mmseg_semisup.core.text import shorten
from mmseg_semisup.datasets.checks.problem import Problem
from mmseg_semisup.datasets.checks.report import DataReport

EVIL = "\x1b]0;title\x07\x1b[2J\x1b[31m\r\nall is well\x9b1m\u202etxt\udcff"
TEXT = r"\x1b]0;title\x07\x1b[2J\x1b[31m\r\nall is well\x9b1m\u202etxt\udcff"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "keep", "expected"),
    [
        (EVIL, "", TEXT),
        ("two\nlines\t.", "\n\t", "two\nlines\t."),
        ("Grüße 图像 😀 \u200d", "", "Grüße 图像 😀 \u200d"),
    ],
)
def test_what_is_escaped(text, keep, expected):
    assert printable(text, keep) == expected


def test_a_stream():
    stream = io.StringIO()
    out = PrintableStream(stream)
    print(f"a{EVIL}", file=out)
    print("1 of 2", end="\r", file=out)
    out.write("\r")
    out.write("\r2 of 2\r")
    out.writelines(["x\x1b", "\n"])
    text = TEXT.replace(r"\n", "\n")
    assert stream.getvalue() == f"a{text}\n1 of 2\r\r\r2 of 2\rx\\x1b\n"
    assert out.getvalue() == stream.getvalue()


def test_colours_are_for_terminals():
    for stream, expected in ((Terminal(), "\x1b[31mred"), (io.StringIO(), "\\x1b")):
        PrintableStream(stream).write("\x1b[31mred\x1b[2J")
        assert stream.getvalue().startswith(expected)
        assert stream.getvalue().endswith(r"\x1b[2J")


def test_a_block(capsys):
    before = sys.stdout, sys.stderr
    with printing_safely():
        print(EVIL)
        logging.StreamHandler().emit(logging.makeLogRecord({"msg": EVIL}))
    assert (sys.stdout, sys.stderr) == before
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert captured.out.count("title") == captured.err.count("title") == 1


@pytest.mark.slow
def test_an_error_that_ends_python():
    code = (
        "from mmseg_semisup.core.terminal import printing_safely\n"
        "with printing_safely():\n    raise OSError('no \\x1b[2J file')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 1
    assert r"OSError: no \x1b[2J file" in ended.stderr


def test_names_stay_on_their_line():
    assert shorten([EVIL, "b"]) == f"{TEXT}, b"
    report = DataReport([], [Problem("unreadable", f"{EVIL}: cut off")], [])
    assert len(report.text().splitlines()) == 3
