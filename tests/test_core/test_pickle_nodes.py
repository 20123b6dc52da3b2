"""Pickles become nodes; nothing is imported or called, and numbers are short."""

from __future__ import annotations

import io
import pickle
import struct

import pytest

from mmseg_semisup.core.pickle_nodes import (
    Call,
    ForeignNameError,
    Name,
    PickleReader,
    Stored,
)

ORDERED = "collections.OrderedDict"


def read(code: bytes) -> object:
    return PickleReader(io.BytesIO(code), len(code), {ORDERED}).read()


def test_plain_values_are_read():
    shared = [1, 300, 70_000, -5, 2**70, -(2**90), 0.5, None, True, False, "ä\ud800"]
    content = {"a": shared, "b": (shared, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))}
    content[3] = {("c", 1): {}}
    found = read(pickle.dumps(content, protocol=2))
    assert found == content
    assert found["a"] is found["b"][0]


def test_names_calls_and_storages_stay_what_they_are():
    code = b"\x80\x02]q\0(ccollections\nOrderedDict\nq\1)R}(K\1K\2ubh\1K\5Qe."
    call, name, stored = read(code)
    assert isinstance(call, Call)
    assert (call.path, call.arguments, call.state) == (ORDERED, (), {1: 2})
    assert (name, stored) == (Name(ORDERED), Stored(5))


FOREIGN = [
    b"\x80\x02cos\nsystem\n.",
    b"\x80\x02ccollections\nCounter\n.",
    b"\x80\x04N.",
    b"\x80\x02iposix\nsystem\n.",
    b"\x80\x02K\1)R.",
    b"\x80\x02K\1K\2b.",
    b"\x80\x02ccollections\nOrderedDict\n)RNbNb.",
]
BROKEN = [
    b"",
    b".",
    b"\x80\x02N",
    b"\x80\x02h\7.",
    b"\x80\x02K\1K\2a.",
    b"\x80\x02}(K\1u.",
    b"\x80\x02}]K\1s.",
    b"\x80\x02\x85.",
    b"\x80\x02t.",
    b"\x80\x02X" + struct.pack("<I", 0xFFFFFFFF) + b"a.",
    b"\x80\x02X\1\0\0\0\xff.",
    b"\x80\x02\x8a\x12" + bytes(18) + b".",
    b"\x80\x02ccollections" + b"x" * 300 + b"\nA\n.",
]


@pytest.mark.parametrize("code", FOREIGN)
def test_what_no_checkpoint_needs_is_named(code):
    with pytest.raises(ForeignNameError):
        read(code)


@pytest.mark.parametrize("code", BROKEN)
def test_what_is_broken_ends_in_an_error(code):
    with pytest.raises(
        (EOFError, IndexError, KeyError, TypeError, ValueError, struct.error)
    ):
        read(code)
