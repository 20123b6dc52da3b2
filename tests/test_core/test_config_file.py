"""Files that are no config, and configs that end with an error: one line each."""

from __future__ import annotations

import pytest

from mmseg_semisup.core.config_file import read_file
from mmseg_semisup.core.errors import ConfigError

BROKEN = {
    "a.py: it reads the key 'model' of a dict that lacks it": "x = {}['model']",
    "a.py: it imports the package nowhere": "import nowhere\nnowhere.x",
    "a.py, line 2: ZeroDivisionError: division by zero": "x = 1\ny = 1 / 0",
    "a.py, line 1: AssertionError": "assert False",
    "a.py, line 2: RuntimeError: two lines": "x = 1\nraise RuntimeError('two\\nlines')",
    "a.py: .*was never closed": "x = (",
    "a.py: .*No such file": "_base_ = 'none.py'",
    "a.py: name 'y' is not defined": "x = y",
    "a.py: .*null bytes": "x = 1\0",
}


@pytest.mark.parametrize("message", BROKEN)
def test_what_is_wrong_is_one_line(tmp_path, message):
    path = tmp_path / "a.py"
    path.write_text(BROKEN[message])
    with pytest.raises(ConfigError, match=f"^config .*{message}") as caught:
        read_file(path)
    if "closed" not in message:
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"x = 1"),
        ("a.json", b"{"),
        ("a.yml", b"a: [1"),
        ("a.py", b"x = '\xff'"),
    ],
)
def test_a_file_that_is_no_config(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"^config {path}: "):
        read_file(path)


def test_classes_are_named(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("from mmseg.models import FCNHead\nx = dict(type=FCNHead)\n")
    assert read_file(path).x.type.endswith("FCNHead")
