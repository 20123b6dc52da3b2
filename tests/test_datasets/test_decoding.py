"""Complaints of decoders are errors of the right image, also among threads."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.datasets import decoding
from mmseg_semisup.datasets.decoding import decode

DAMAGED = "Corrupt JPEG data: premature end of data segment"


def say(text):
    def read():
        os.write(2, text.encode() + b"\n")
        return "pixels"

    return read


@pytest.mark.parametrize(
    "complaint",
    [
        DAMAGED,
        "Corrupt JPEG data: 383 extraneous bytes before marker 0xc4",
        "Corrupt JPEG data: 706 extraneous bytes before marker 0xd9",
        "Premature end of JPEG file",
        "libpng error: IDAT: CRC error",
        "[ERROR:0@0.4] global grfmt_tiff.cpp:117 TIFF_Error ZIPDecode: Decoding error",
    ],
)
def test_damage(capfd, complaint):
    with pytest.raises(DataError, match="the file is damaged: "):
        decode(say(complaint))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "complaint",
    [
        "Corrupt JPEG data: 2 extraneous bytes before marker 0xd9",
        "libpng warning: iCCP: known incorrect sRGB profile",
        "[ WARN:0@0.3] global grfmt_tiff.cpp:123 TIFF_Warning Unknown field with tag 1",
    ],
)
def test_what_does_not_touch_the_pixels(capfd, complaint):
    assert decode(say(complaint)) == "pixels"
    assert capfd.readouterr().err == ""


def test_other_text_is_printed(capfd):
    def read():
        sys.stderr.write("a warning of somebody else\n")
        sys.stderr.flush()
        return say(DAMAGED)()

    with pytest.raises(DataError):
        decode(read)
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "a warning of somebody else\nafter\n"


def test_an_error_of_the_function_passes(capfd):
    def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        decode(fail)
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_one_call_within_another():
    with pytest.raises(DataError):
        decode(lambda: decode(say(DAMAGED)))


def test_threads_name_the_right_image(capfd):
    together = threading.Barrier(4)

    def read(number):
        first = [True]

        def inner():
            if first.pop() if first else False:
                together.wait(5)
            if number == 2:
                os.write(2, DAMAGED.encode() + b"\n")
            return number

        try:
            return decode(inner)
        except DataError:
            return "damaged"

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read, range(4))) == [0, 1, "damaged", 3]


def child(queue):
    try:
        decode(say(DAMAGED))
    except DataError as error:
        queue.put(str(error))


def test_a_process_that_begins_meanwhile():
    context = multiprocessing.get_context("fork")
    queue = context.Queue()

    def read():
        process = context.Process(target=child, args=(queue,))
        process.start()
        process.join(60)
        return process.exitcode

    assert decode(read) == 0
    assert DAMAGED in queue.get(timeout=60)


def test_a_process_without_an_error_stream(monkeypatch):
    monkeypatch.setattr(decoding, "ERROR_STREAM", 987)
    assert decode(lambda: "pixels") == "pixels"
