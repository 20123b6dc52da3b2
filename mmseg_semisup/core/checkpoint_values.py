"""Builds the values of a checkpoint from the nodes of its pickle.

Each name that a checkpoint may hold has a function here. It checks all arguments, and
builds only what a training could have saved: dense tensors that lie within their
storage, arrays of numbers, histories of logs, and plain values. The whole is a tree, or
nearly: it never holds itself, and is not much larger than its file.
"""

from __future__ import annotations

import math
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor, nn

from .pickle_nodes import Call, ForeignNameError, Name, Stored, checked_key

DEEPEST = 100
"""Lists within lists, and so on."""
ROOM = 1 << 20
"""Bytes that values of any checkpoint may take; others take a multiple of the file."""
REPETITIONS = 64
WORD = 8
STATISTICS = ("min", "max", "current", "mean")
DTYPES = {
    str(dtype): dtype
    for dtype in vars(torch).values()
    if isinstance(dtype, torch.dtype)
}
"""``torch.float32`` and so on, by that name."""
STORAGES = {
    "Bool": torch.bool,
    "Byte": torch.uint8,
    "Char": torch.int8,
    "Short": torch.int16,
    "Int": torch.int32,
    "Long": torch.int64,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Float": torch.float32,
    "Double": torch.float64,
    "ComplexFloat": torch.complex64,
    "ComplexDouble": torch.complex128,
}
STORAGE_NAMES: dict[str, torch.dtype | None] = {
    "torch.storage.UntypedStorage": None,
    **{
        f"{module}.{kind}Storage": dtype
        for module in ("torch", "torch.cuda")
        for kind, dtype in STORAGES.items()
    },
}
"""Names of types of storages; those without a type hold bytes."""
_NUMBER = re.compile(r"[?bhilqBHILQefd]|b1|[iu][1248]|f[248]|[SU]\d{1,6}")


class Storage:
    """Numbers of a checkpoint, that tensors are views of.

    Args:
        content: All of them, as bytes on their device.
        dtype: Their type; None: that of each tensor.
    """

    def __init__(
        self, content: torch.UntypedStorage, dtype: torch.dtype | None
    ) -> None:
        self.content = content
        self.dtype = dtype


class Builder:
    """Turns nodes into values.

    Args:
        storage: Finds the storage of a reference.
        pickled: Length of the pickle, in bytes.
        size: Length of the whole file, in bytes.
    """

    def __init__(
        self, storage: Callable[[Stored], Storage], pickled: int, size: int
    ) -> None:
        self._storage = storage
        self._most = ROOM + REPETITIONS * pickled
        self._most_numbers = ROOM + REPETITIONS * size
        self._numbers = 0
        self._built: dict[int, tuple[Any, int, int]] = {}
        self._open: set[int] = set()

    def build(self, node: Any) -> Any:
        """Build the value of a node.

        Args:
            node: A result of :class:`~mmseg_semisup.core.pickle_nodes.PickleReader`.

        Raises:
            ForeignNameError: If it is nothing that a training saves.
            Exception: Almost any other, if a part has the wrong form.
        """
        return self._build(node, 0)[0]

    def _build(self, node: Any, depth: int) -> tuple[Any, int, int]:
        """The value, how many bytes it takes if written out, and how deep it is."""
        if type(node) in (str, bytes):
            return node, WORD + len(node), 0
        if type(node) in (int, float, bool, type(None)):
            return node, WORD, 0
        if id(node) in self._built:
            found = self._built[id(node)]
            if depth + found[2] > DEEPEST:
                raise ValueError(f"more than {DEEPEST} levels")
            return found
        if id(node) in self._open:
            raise ForeignNameError("a value that holds itself")
        if depth > DEEPEST:
            raise ValueError(f"more than {DEEPEST} levels")
        self._open.add(id(node))
        found = self._make(node, depth + 1)
        self._open.discard(id(node))
        self._numbers += _bytes(found[0])
        if found[1] > self._most or self._numbers > self._most_numbers:
            raise ForeignNameError("values that repeat each other without end")
        self._built[id(node)] = found
        return found

    def _make(self, node: Any, depth: int) -> tuple[Any, int, int]:
        size, height = WORD, 0

        def inner(part: Any) -> Any:
            nonlocal size, height
            value, count, levels = self._build(part, depth)
            size, height = size + count, max(height, levels + 1)
            return value

        if isinstance(node, Name):
            return _plain_name(node), WORD, 0
        if isinstance(node, Stored):
            return self._storage(node), WORD, 0
        value: Any
        if isinstance(node, Call):
            arguments = [inner(part) for part in node.arguments]
            items = [(inner(k), inner(v)) for k, v in node.items]
            state = inner(node.state) if node.has_state else None
            value = _BUILDERS[node.path](arguments, items, state)
        elif isinstance(node, dict):
            value = {inner(key): inner(part) for key, part in node.items()}
        else:
            value = type(node)([inner(part) for part in node])
        return value, size, height


def _plain_name(node: Name) -> Any:
    """The value of a name that is not called: a type of numbers, or the name itself."""
    if node.path in DTYPES:
        return DTYPES[node.path]
    if node.path in STORAGE_NAMES or node.path in MENTIONED:
        return node
    raise ForeignNameError(f"GLOBAL {node.path} that is not called")


def _bytes(value: Any) -> int:
    """How many bytes of numbers a value holds."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, HistoryBuffer):
        return sum(array.nbytes for array in value.data)
    if isinstance(value, np.ndarray):
        return value.nbytes
    return len(value) if isinstance(value, bytes) else 0


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)


def _nothing_else(items: Any, state: Any) -> None:
    _need(not items and state is None, "a value with additions")


def _count(value: Any, low: int = 0) -> int:
    _need(type(value) is int and low <= value < 1 << 62, f"a number is {value!r:.40}")
    return int(value)


def _ordered(arguments: list[Any], items: Any, state: Any) -> OrderedDict[Any, Any]:
    _need(len(arguments) <= 1, "a dictionary of several things")
    pairs = [*(arguments[0] if arguments else ()), *items]
    found = OrderedDict((checked_key(key), value) for key, value in pairs)
    if state is None:
        return found
    # Versions of modules, which load_state_dict reads.
    _need(isinstance(state, dict) and set(state) <= {"_metadata"}, "attributes")
    versions = state.get("_metadata", {})
    _need(
        isinstance(versions, dict)
        and all(isinstance(k, str) and _is_version(v) for k, v in versions.items()),
        "versions of modules",
    )
    found._metadata = versions  # type: ignore[attr-defined]
    return found


def _is_version(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(key, str) and type(entry) in (int, bool, type(None))
        for key, entry in value.items()
    )


def _counter(arguments: list[Any], items: Any, state: Any) -> Counter[Any]:
    _nothing_else(None, state)
    pairs = dict(*arguments) | dict(items)
    return Counter({checked_key(key): _count(n) for key, n in pairs.items()})


def _set(arguments: list[Any], items: Any, state: Any) -> set[Any]:
    _nothing_else(items, state)
    (members,) = arguments
    _need(isinstance(members, list), "a set of no list")
    return {checked_key(member) for member in members}


def _encoded(arguments: list[Any], items: Any, state: Any) -> bytes:
    _nothing_else(items, state)
    text, encoding = arguments
    _need(isinstance(text, str) and encoding == "latin1", "an encoding")
    return bytes(text, "latin1")


def _no_bytes(arguments: list[Any], items: Any, state: Any) -> bytes:
    _nothing_else(items, state)
    _need(not arguments, "bytes of something")
    return b""


def _size(arguments: list[Any], items: Any, state: Any) -> torch.Size:
    _nothing_else(items, state)
    (numbers,) = arguments
    return torch.Size([_count(n) for n in numbers])


def _device(arguments: list[Any], items: Any, state: Any) -> torch.device:
    _nothing_else(items, state)
    kind, *number = arguments
    _need(isinstance(kind, str) and kind != "meta" and len(number) <= 1, "a device")
    return torch.device(kind, *map(_count, number))


def _dtype(arguments: list[Any], items: Any, state: Any) -> np.dtype[Any]:
    """``numpy.dtype``, whose state could reach beyond an array's memory."""
    code, *options = arguments
    if not isinstance(code, str) or not _NUMBER.fullmatch(code):
        raise ForeignNameError(f"numpy.dtype {code!r:.40}")
    _need(not items and all(type(o) is bool for o in options), "a type of numbers")
    dtype = np.dtype(code)
    if state is None:
        return dtype
    version, order, subarray, names, fields, size, alignment, flags = state
    given = (version, subarray, names, fields)
    own = dtype.itemsize if dtype.kind in "SU" else -1
    unit = {"S": 1, "U": 4}.get(dtype.kind, -1)
    _need(given == (3, None, None, None), "a type with parts")
    # That of texts says that their memory is cleared.
    _need(flags == (8 if dtype.kind == "U" else 0), "a type of Python objects")
    _need((size, alignment) == (own, unit), "a type of another size")
    _need(order in ("<", ">", "|", "="), "an order of bytes")
    return dtype.newbyteorder(order)


def _array(arguments: list[Any], items: Any, state: Any) -> np.ndarray[Any, Any]:
    kind, shape, letter = arguments
    _need(kind == Name("numpy.ndarray") and shape == (0,) and not items, "an array")
    _need(letter == b"b" and isinstance(state, tuple) and len(state) == 5, "an array")
    version, shape, dtype, is_fortran, content = state
    _need(version == 1 and isinstance(dtype, np.dtype), "a version of an array")
    _need(type(is_fortran) is bool and isinstance(shape, tuple), "an order of an array")
    if not isinstance(content, bytes):
        raise ForeignNameError("numpy array of Python objects")
    size = math.prod(_count(n) for n in shape) * dtype.itemsize
    _need(size == len(content), "an array of another size than its numbers")
    order: Any = "F" if is_fortran else "C"
    return np.ndarray(shape, dtype, buffer=content, order=order).copy(order)


def _scalar(arguments: list[Any], items: Any, state: Any) -> Any:
    _nothing_else(items, state)
    dtype, content = arguments
    _need(isinstance(dtype, np.dtype) and isinstance(content, bytes), "a number")
    _need(len(content) == dtype.itemsize > 0, "a number of another size")
    return np.frombuffer(content, dtype)[0]


def _statistic(arguments: list[Any], items: Any, state: Any) -> str:
    """``getattr`` in histories, which look up four statistics; their names only."""
    _nothing_else(items, state)
    owner, name = arguments
    if owner != Name(HISTORY) or name not in STATISTICS:
        raise ForeignNameError(f"GLOBAL getattr({owner!r:.60}, {name!r:.40})")
    return str(name)


def _history(arguments: list[Any], items: Any, state: Any) -> HistoryBuffer:
    _need(not arguments and not items and isinstance(state, dict), "a history")
    state = dict(state)
    values, counts = state.pop("_log_history"), state.pop("_count_history")
    length = _count(state.pop("max_length"), low=1)
    for key in ("statistics_methods", "_statistics_methods"):
        statistics = state.pop(key, {})
        if not isinstance(statistics, dict) or any(
            name != value or name not in STATISTICS
            for name, value in statistics.items()
        ):
            raise ForeignNameError("a history with statistics of its own")
    _need(not state, "a history with additions")
    for array in (values, counts):
        _need(isinstance(array, np.ndarray) and array.ndim == 1, "a history of arrays")
        _need(array.dtype.kind in "biuf", "a history of numbers")
    _need(len(values) == len(counts) <= length, "a history of two lengths")
    return HistoryBuffer(values, counts, length)


def _tensor(arguments: list[Any], items: Any, state: Any) -> Tensor:
    _nothing_else(items, state)
    storage, offset, size, stride, *rest = arguments
    requires_grad, hooks, *more = rest or (False, None)
    _need(isinstance(storage, Storage), "a tensor without a storage")
    dtype = storage.dtype
    if dtype is None:
        dtype, *more = more
        _need(dtype is not torch.bool, "truth values without a type")
    _need(isinstance(dtype, torch.dtype), "a type of a tensor")
    _need(type(requires_grad) is bool and not hooks and more in ([], [None]), "hooks")
    _need(isinstance(size, tuple) and isinstance(stride, tuple), "a shape")
    _need(len(size) == len(stride) <= 64, "a shape of another number of dimensions")
    lengths, steps = [_count(n) for n in size], [_count(n) for n in stride]
    held = storage.content.nbytes() // dtype.itemsize
    reach = sum((n - 1) * step for n, step in zip(lengths, steps, strict=True)) + 1
    number = math.prod(lengths)
    _need(number == 0 or _count(offset) + reach <= held, "a tensor beyond its storage")
    # A step of 0 would make many numbers of one.
    _need(number <= held, "a tensor of more numbers than its storage holds")
    if number == 0:
        return torch.empty(size, dtype=dtype, device=storage.content.device)
    found = torch.empty(0, dtype=dtype, device=storage.content.device)
    found.set_(storage.content, offset, size, stride)
    return found.requires_grad_() if requires_grad else found


def _parameter(arguments: list[Any], items: Any, state: Any) -> nn.Parameter:
    _nothing_else(items, state)
    data, requires_grad, hooks = arguments
    _need(isinstance(data, Tensor) and type(requires_grad) is bool, "a parameter")
    _need(not hooks, "hooks")
    return nn.Parameter(data, requires_grad)


HISTORY = "mmengine.logging.history_buffer.HistoryBuffer"
MENTIONED = (HISTORY, "numpy.ndarray")
"""Names that are arguments of others."""
_BUILDERS: Mapping[str, Callable[[list[Any], Any, Any], Any]] = {
    "collections.OrderedDict": _ordered,
    "collections.Counter": _counter,
    "__builtin__.set": _set,
    "builtins.set": _set,
    "__builtin__.getattr": _statistic,
    "builtins.getattr": _statistic,
    "_codecs.encode": _encoded,
    "__builtin__.bytes": _no_bytes,
    "builtins.bytes": _no_bytes,
    "torch.Size": _size,
    "torch.device": _device,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    HISTORY: _history,
    "numpy.dtype": _dtype,
    # numpy 1 and numpy 2 call the same functions by different names.
    "numpy.core.multiarray._reconstruct": _array,
    "numpy._core.multiarray._reconstruct": _array,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
}
NAMES = frozenset([*_BUILDERS, *MENTIONED, *DTYPES, *STORAGE_NAMES])
"""All names that a checkpoint may hold."""
