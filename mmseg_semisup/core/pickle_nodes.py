"""Reads a pickle into nodes that say what it asks for, without doing any of it.

The opcodes are those that ``torch.save`` writes. Nothing is imported, called or built
here: a name stays a name, and a call stays a name with its arguments. What may be built
of them, :mod:`~mmseg_semisup.core.checkpoint_values` decides.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Collection
from typing import Any, BinaryIO, NamedTuple

LONGEST_NAME = 256
LONGEST_NUMBER = 17
"""Bytes of an integer: 128 bits and a sign, as states of random generators have."""

SMALL = 4096
"""Bytes that may be asked for without a look at how many there are."""


class ForeignNameError(Exception):
    """A pickle asks for something that no checkpoint needs; the message says what."""


class Name(NamedTuple):
    """A function or type that a pickle names.

    Attributes:
        path: Module and name, e.g. ``collections.OrderedDict``.
    """

    path: str


class Stored(NamedTuple):
    """A reference to a storage, which lies beside the pickle.

    Attributes:
        key: What the pickle says about it.
    """

    key: Any


class Call:
    """A call that a pickle asks for.

    Attributes:
        path: Name of the function or type.
        arguments: Its positional arguments.
        items: Keys and values that are to be set afterwards.
        state: What its ``__setstate__`` is to get, if ``has_state``.
    """

    __slots__ = ("arguments", "has_state", "items", "path", "state")

    def __init__(self, path: str, arguments: tuple[Any, ...]) -> None:
        self.path = path
        self.arguments = arguments
        self.items: list[tuple[Any, Any]] = []
        self.has_state = False
        self.state: Any = None


class PickleReader:
    """A stack machine for the pickles of ``torch.save``.

    ``stored`` lists all references to storages so far.

    Args:
        file: The stream; :meth:`read` takes one pickle from it.
        size: Length of the whole stream, in bytes.
        names: Names that may occur.
    """

    def __init__(self, file: BinaryIO, size: int, names: Collection[str]) -> None:
        self.file = file
        self.size = size
        self.names = names
        self.stored: list[Stored] = []
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def read(self) -> Any:
        """Read one pickle.

        Returns:
            Plain values, lists, dictionaries, tuples and sets of nodes. They may hold
            each other, and themselves.

        Raises:
            ForeignNameError: If it asks for another name, or another kind of operation.
            Exception: Almost any other, if it is damaged.
        """
        self._stack, self._outer, self._memo = [], [], {}
        while True:
            code = self._bytes(1)
            if code == pickle.STOP:
                return self._stack.pop()
            if code in _CONSTANTS:
                self._stack.append(_CONSTANTS[code])
                continue
            operation = _OPERATIONS.get(code)
            if operation is None:
                raise ForeignNameError(f"pickle operation {code!r}")
            operation(self)

    def _bytes(self, number: int) -> bytes:
        # Before the stream reserves memory for so many.
        if number > SMALL and number > self.size - self.file.tell():
            raise EOFError("it ends too early")
        content = self.file.read(number)
        if len(content) != number:
            raise EOFError("it ends too early")
        return content

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._bytes(struct.calcsize(form)))[0]

    def _line(self) -> str:
        line = self.file.readline(LONGEST_NAME)
        if not line.endswith(b"\n"):
            raise ValueError("a name is too long or cut off")
        return line[:-1].decode("utf-8")

    def _name(self) -> None:
        path = f"{self._line()}.{self._line()}"
        if path not in self.names:
            raise ForeignNameError(f"GLOBAL {path}")
        self._stack.append(Name(path))

    def _call(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise ForeignNameError(f"call of a {type(function).__name__}")
        self._stack.append(Call(function.path, arguments))

    def _set_state(self) -> None:
        state = self._stack.pop()
        target = self._stack[-1]
        if not isinstance(target, Call) or target.has_state:
            raise ForeignNameError(f"state of a {type(target).__name__}")
        target.state, target.has_state = state, True

    def _reference(self) -> None:
        found = Stored(self._stack.pop())
        self.stored.append(found)
        self._stack.append(found)

    def _mark(self) -> None:
        self._outer.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._outer.pop()
        return items

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise TypeError("only a list can be appended to")
        target.extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if len(items) % 2:
            raise ValueError("a key has no value")
        pairs = zip(items[::2], items[1::2], strict=True)
        if isinstance(target, Call):
            target.items.extend(pairs)
        elif type(target) is dict:
            for key, value in pairs:
                target[checked_key(key)] = value
        else:
            raise TypeError("only a dictionary can get items")

    def _pack(self, number: int) -> None:
        if len(self._stack) < number:
            raise IndexError("the stack is empty")
        items = tuple(self._stack[len(self._stack) - number :])
        del self._stack[len(self._stack) - number :]
        self._stack.append(items)

    def _tuple(self) -> None:
        items = tuple(self._since_mark())
        self._stack.append(items)

    def _long(self) -> None:
        length = self._number("<B")
        if length > LONGEST_NUMBER:
            raise ValueError(f"an integer of {length} bytes")
        self._stack.append(int.from_bytes(self._bytes(length), "little", signed=True))

    def _text(self) -> None:
        content = self._bytes(self._number("<I"))
        self._stack.append(content.decode("utf-8", "surrogatepass"))

    def _short_text(self) -> None:
        content = self._bytes(self._number("<B"))
        self._stack.append(content.decode("utf-8"))

    def _protocol(self) -> None:
        number = self._number("<B")
        if number != 2:
            raise ForeignNameError(f"pickle protocol {number}")

    def _get(self, form: str) -> None:
        self._stack.append(self._memo[self._number(form)])

    def _put(self, form: str) -> None:
        self._memo[self._number(form)] = self._stack[-1]


def checked_key(key: Any) -> Any:
    """A key of a dictionary, if checkpoints have such.

    Args:
        key: Any node.

    Raises:
        TypeError: If it is no plain value and no tuple of plain values.
    """
    parts = key if type(key) is tuple else (key,)
    if not all(type(p) in (str, int, float, bool, bytes, type(None)) for p in parts):
        raise TypeError("a key is neither a text nor a number")
    return key


def _numbers(form: str) -> Callable[[PickleReader], None]:
    return lambda machine: machine._stack.append(machine._number(form))


_CONSTANTS: dict[bytes, Any] = {
    pickle.NONE: None,
    pickle.NEWTRUE: True,
    pickle.NEWFALSE: False,
    pickle.EMPTY_TUPLE: (),
}
_OPERATIONS: dict[bytes, Callable[[PickleReader], None]] = {
    pickle.PROTO: PickleReader._protocol,
    pickle.GLOBAL: PickleReader._name,
    pickle.REDUCE: PickleReader._call,
    pickle.NEWOBJ: PickleReader._call,
    pickle.BUILD: PickleReader._set_state,
    pickle.BINPERSID: PickleReader._reference,
    pickle.MARK: PickleReader._mark,
    pickle.EMPTY_LIST: lambda m: m._stack.append([]),
    pickle.EMPTY_DICT: lambda m: m._stack.append({}),
    pickle.APPEND: lambda m: m._append([m._stack.pop()]),
    pickle.APPENDS: lambda m: m._append(m._since_mark()),
    pickle.SETITEM: lambda m: m._set_items([m._stack.pop(-2), m._stack.pop()]),
    pickle.SETITEMS: lambda m: m._set_items(m._since_mark()),
    pickle.TUPLE: PickleReader._tuple,
    pickle.TUPLE1: lambda m: m._pack(1),
    pickle.TUPLE2: lambda m: m._pack(2),
    pickle.TUPLE3: lambda m: m._pack(3),
    pickle.BININT: _numbers("<i"),
    pickle.BININT1: _numbers("<B"),
    pickle.BININT2: _numbers("<H"),
    pickle.BINFLOAT: _numbers(">d"),
    pickle.LONG1: PickleReader._long,
    pickle.BINUNICODE: PickleReader._text,
    pickle.SHORT_BINSTRING: PickleReader._short_text,
    pickle.BINGET: lambda m: m._get("<B"),
    pickle.LONG_BINGET: lambda m: m._get("<I"),
    pickle.BINPUT: lambda m: m._put("<B"),
    pickle.LONG_BINPUT: lambda m: m._put("<I"),
}
