"""The command line of a training, as it can be typed again."""

from __future__ import annotations

import shlex

from mmseg_semisup.report.command import describe_command


def test_the_command_is_quoted_for_a_shell():
    words = ["/opt/a b/bin/python", "tools/train.py", "x; rm -r *", "--job", "a'b"]
    assert shlex.split(describe_command(words)) == ["python", *words[1:]]


def test_code_is_left_out():
    assert describe_command(["/bin/python", "-c", "import a\n" * 99, "x"]) == (
        "python -c ... x"
    )
    assert describe_command([]) == ""
