"""The command line of a process, as a person would type it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePath


def describe_command(argv: Sequence[str]) -> str:
    """The command line of a process.

    Args:
        argv: ``sys.orig_argv``: the interpreter and all of its arguments.

    Returns:
        The command line, quoted for a shell; the interpreter is named without its
        folder, code in the command line is left out.

    >>> describe_command(["/usr/bin/python3", "-m", "mmseg_semisup", "train", "a b.py"])
    "python3 -m mmseg_semisup train 'a b.py'"
    """
    if not argv:
        return ""
    words = [PurePath(argv[0]).name, *argv[1:]]
    if "-c" in words[1:]:
        place = words.index("-c", 1)
        words[place + 1 : place + 2] = ["..."]
    return shlex.join(words)
