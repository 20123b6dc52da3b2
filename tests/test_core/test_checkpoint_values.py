"""What may be built of a pickle's nodes: only what a training could have saved."""

from __future__ import annotations

import io
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from resume_helpers import assert_same
from torch import nn

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.checkpoint_values import (
    DEEPEST,
    HISTORY,
    Builder,
    Storage,
)
from mmseg_semisup.core.errors import CheckpointError
from mmseg_semisup.core.pickle_nodes import Call, ForeignNameError, Name, Stored

ARRAY = "numpy._core.multiarray._reconstruct"
EMPTY = (Name("numpy.ndarray"), (0,), b"b")
FLOAT = (3, "<", None, None, None, -1, -1, 0)


def build(node: object, numbers: int = 6) -> object:
    """Build a node; every storage has six numbers."""
    content = torch.arange(float(numbers)).untyped_storage()
    storage = Storage(content, torch.float32)
    return Builder(lambda reference: storage, 1000, 1000).build(node)


def call(path: str, *arguments: object, state: object = None) -> Call:
    """A call, with a state if one is given."""
    made = Call(path, arguments)
    made.state, made.has_state = state, state is not None
    return made


def dtype(code: str = "f8", state: object = FLOAT) -> Call:
    return call("numpy.dtype", code, False, True, state=state)


def array(*, shape: object = (2,), kind: object = None, content: object) -> Call:
    state = (1, shape, kind or dtype(), False, content)
    return call(ARRAY, *EMPTY, state=state)


def tensor(offset: object, size: object, stride: object, *more: object) -> Call:
    rest = more or (False, call("collections.OrderedDict"))
    arguments = (Stored(("storage",)), offset, size, stride, *rest)
    return call("torch._utils._rebuild_tensor_v2", *arguments)


def history(**changes: object) -> Call:
    numbers = array(content=b"\0" * 16)
    state = {"_log_history": numbers, "_count_history": numbers, "max_length": 10}
    return call(HISTORY, state=state | changes)


def test_what_trainings_save_is_read(tmp_path):
    content = {
        "sizes": [torch.Size([2, 3]), (), {1, 2}, Counter({3: 2})],
        "device": torch.device("cpu"),
        "dtype": torch.bfloat16,
        "weights": OrderedDict(a=torch.ones(2, 3).t(), b=nn.Parameter(torch.ones(1))),
        "types": [torch.ones(2).to(t) for t in (torch.bool, torch.uint16, torch.half)],
        "arrays": [
            np.asfortranarray(np.arange(6).reshape(2, 3)),
            np.array(["a", "bc"]),
        ],
        "numbers": [np.float32(0.5), np.bool_(True), 2**100, -1.5, None, b"\xff"],
        "history": HistoryBuffer([1.0, 2.0], [1, 1]),
        "empty": [torch.ones(0, 3), np.ones((0, 2)), torch.tensor(3)],
    }
    content["weights"]._metadata = OrderedDict({"": {"version": 1}})
    content["again"] = content["weights"]["a"]
    for archived in (True, False):
        path = tmp_path / f"{archived}.pth"
        torch.save(content, path, _use_new_zipfile_serialization=archived)
        found = load_checkpoint_file(path)
        assert_same(found, content)
        assert found["weights"]._metadata == content["weights"]._metadata
        shared = found["again"].untyped_storage().data_ptr()
        assert found["weights"]["a"].untyped_storage().data_ptr() == shared


@pytest.mark.parametrize(
    "node",
    [
        dtype("O"),
        dtype("V8"),
        dtype("f8,f8"),
        dtype("S1", (3, "|", None, None, None, 4096, 1, 0)),
        dtype("f8", (3, "<", None, ("a",), {"a": 1}, -1, -1, 0)),
        dtype("f8", (3, "<", (np.float64, (9,)), None, None, -1, -1, 0)),
        dtype("f8", (3, "<", None, None, None, -1, -1, 63)),
        dtype("f8", 5),
        call("numpy.dtype", "f8", dtype()),
        array(shape=(3,), content=b"\0" * 16),
        array(shape=(-2,), content=b"\0" * 16),
        array(shape=(2.0,), content=b"\0" * 16),
        array(content=[1, 2]),
        array(kind="f8", content=b"\0" * 16),
        call(ARRAY, *EMPTY),
        call("numpy._core.multiarray.scalar", dtype(), b"\0" * 7),
        call("numpy._core.multiarray.scalar", dtype("U0", None), b""),
        tensor(0, (7,), (1,)),
        tensor(1, (6,), (1,)),
        tensor(-1, (2,), (1,)),
        tensor(0, (2,), (6,)),
        tensor(0, (2,), (-1,)),
        tensor(0, (1 << 40,), (0,)),
        tensor(0, (2, 2), (1,)),
        tensor(0, [2], [1]),
        tensor(0, (True,), (1,)),
        tensor(0, (2,), (1,), False, {"hook": 1}),
        tensor(0, (2,), (1,), 1, None),
        tensor(0, (2,), (1,), False, None, {"conj": True}),
        call("torch._utils._rebuild_tensor_v2", 5, 0, (1,), (1,), False, None),
        call("torch._utils._rebuild_parameter", 5, True, None),
        call("torch.device", "meta"),
        call("torch.Size", [-1]),
        call("collections.OrderedDict", state={"items": 5}),
        call("collections.OrderedDict", state={"_metadata": {"a": {"b": []}}}),
        call("collections.Counter", {"a": -1}),
        call("builtins.set", [[]]),
        call("_codecs.encode", "a", "rot13"),
        call("builtins.getattr", Name(HISTORY), "__init__"),
        call("builtins.getattr", Name("numpy.ndarray"), "mean"),
        history(max_length=1),
        history(_count_history=array(shape=(1,), content=b"\0" * 8)),
        history(_log_history=[1.0, 2.0]),
        history(statistics_methods={"mean": "max"}),
        history(statistics_methods={"other": "other"}),
        history(more=1),
        Name("collections.OrderedDict"),
    ],
)
def test_what_nobody_could_save_is_refused(node):
    with pytest.raises((ValueError, TypeError, ForeignNameError, KeyError)):
        build(node)


def test_what_lies_within_its_storage_is_built():
    assert build(tensor(1, (2, 2), (1, 2))).tolist() == [[1, 3], [2, 4]]
    assert build(tensor(0, (0, 3), (3, 1))).shape == (0, 3)
    assert build(history()).data[0].tolist() == [0, 0]
    assert build(dtype("S3", (3, "|", None, None, None, 3, 1, 0))) == np.dtype("S3")


def test_nothing_holds_itself_or_grows():
    own: list = []
    own.append(own)
    named = call("collections.OrderedDict")
    named.items.append(("me", [named]))
    doubled: list = ["lol"] * 2
    for _ in range(28):
        doubled = [doubled, doubled]
    many = [array(content=call("_codecs.encode", "\0" * 16, "latin1"))] * 3
    assert len(build(many)) == 3
    long = call("_codecs.encode", "\0" * (1 << 18), "latin1")
    large = [array(shape=(1 << 15,), content=long) for _ in range(9)]
    for node in (own, named, doubled, large):
        with pytest.raises(ForeignNameError, match=r"holds itself|repeat each other"):
            build(node)
    deep: list = []
    for _ in range(DEEPEST):
        deep = [deep]
    assert build(deep)
    inner = [deep, {"again": [deep]}]
    with pytest.raises(ValueError, match="levels"):
        build(inner)


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.to_sparse(),
        lambda w: torch.empty_like(w, device="meta"),
        lambda w: torch.quantize_per_tensor(w, 0.1, 0, torch.qint8),
        lambda w: w.expand(1000, 4),
    ],
    ids=["sparse", "meta", "quantized", "expanded"],
)
@pytest.mark.filterwarnings("ignore")
def test_weights_that_cannot_be_copied_are_refused(tmp_path, change):
    path = tmp_path / "iter_4.pth"
    torch.save({"state_dict": {"weight": change(torch.ones(4))}}, path)
    with pytest.raises(CheckpointError, match=r"iter_4\.pth"):
        load_checkpoint_file(path)


def test_truth_values_are_0_and_1(tmp_path):
    path = tmp_path / "iter_4.pth"
    content = io.BytesIO()
    mask = torch.tensor([True, False, True, True])
    torch.save({"mask": mask}, content, _use_new_zipfile_serialization=False)
    path.write_bytes(content.getvalue().replace(b"\1\0\1\1", b"\1\0\1\7"))
    with pytest.raises(CheckpointError, match="truth values other than 0 and 1"):
        load_checkpoint_file(path)
