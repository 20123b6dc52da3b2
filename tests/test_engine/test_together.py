"""Locks of folders, and errors that all processes get."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from mmseg_semisup.engine import together
from mmseg_semisup.engine.atomic_io import WriteError
from mmseg_semisup.engine.config import ConfigError
from mmseg_semisup.engine.together import LOCK_NAME, locked

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "a+")
fcntl.lockf(file, fcntl.LOCK_EX)
file.write('{"pid": 7, "host": "here", "since": "noon"}')
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_in_which_another_process_works(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / LOCK_NAME)]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout.readline() == b"held\n"
        message = r"another run is at work in .* \(process 7 on here, since noon\)"
        with pytest.raises(ConfigError, match=message), locked(tmp_path):
            pass
        other.communicate()
    with locked(tmp_path):
        assert f'"pid": {os.getpid()}' in (tmp_path / LOCK_NAME).read_text()


def failing(number: int):
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.EACCES, errno.EAGAIN])
def test_what_a_held_lock_says(tmp_path, monkeypatch, number):
    monkeypatch.setattr(together.fcntl, "lockf", failing(number))
    with pytest.raises(ConfigError, match="another run is at work"), locked(tmp_path):
        pass


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_file_system_without_locks_is_warned_of(
    tmp_path, monkeypatch, capsys, number
):
    monkeypatch.setattr(together.fcntl, "lockf", failing(number))
    with locked(tmp_path):
        said = capsys.readouterr().err
    assert f"{tmp_path} cannot be locked ({os.strerror(number)})" in said


def test_a_system_without_locks_is_warned_of(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(together, "fcntl", None)
    with locked(tmp_path):
        assert "two runs there at once are not noticed" in capsys.readouterr().err


def test_a_lock_file_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / LOCK_NAME).mkdir()
    message = rf"cannot write .*{LOCK_NAME}, .*: Is a directory"
    with pytest.raises(WriteError, match=message), locked(tmp_path):
        pass


def test_a_lock_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / LOCK_NAME).symlink_to("/dev/full")
    with (
        pytest.raises(WriteError, match=f"cannot write .*{LOCK_NAME}"),
        locked(tmp_path),
    ):
        pass
