"""Every reader of a record refuses what it does not expect, by file and key."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmseg_semisup.core.errors import ConfigError, StoreError
from mmseg_semisup.core.records import (
    MAYBE_NAN,
    RecordError,
    check_form,
    parse_record,
    read_record,
    read_versioned,
)
from mmseg_semisup.datasets.lists import read_ids
from mmseg_semisup.datasets.pseudo_mask_store import Store
from mmseg_semisup.datasets.weak_labels import read_image_labels
from mmseg_semisup.engine.job_record import earlier_checkpoints
from mmseg_semisup.evaluation.roc import read_roc
from mmseg_semisup.models.backbones.encoder_weights import encoder_config
from mmseg_semisup.pseudo_masks.images import Item
from mmseg_semisup.pseudo_masks.progress import begin, read_journals
from mmseg_semisup.pseudo_masks.quality import read_quality
from mmseg_semisup.stages.evaluate import read_metrics
from mmseg_semisup.stages.record import Record
from mmseg_semisup.visualization.training_curves import read_scalars


@pytest.mark.parametrize(
    ("value", "form", "fault"),
    [
        (5, int, None),
        (True, int, "the whole is True, and not an integer"),
        (5, float, None),
        (float("nan"), float, "the whole is nan, and not a number"),
        (float("inf"), MAYBE_NAN, None),
        ("x", MAYBE_NAN, "the whole is 'x', and not a number"),
        (None, None, None),
        (0, (str, None), "the whole is 0, and not a text or null"),
        ({"a": {"b": [1, "x"]}}, {"a": {str: [int]}}, "a.b[1] is 'x', and not an int"),
        ({}, {"a": int}, "a is missing"),
        ({}, {"a?": int}, None),
        ({"a": None}, {"a?": int}, "a is None, and not an integer"),
        ({"x": 1}, {"a?": int}, None),
        ([], {"a": int}, "the whole is [], and not an object"),
        ({"a": 3}, {"a": [int]}, "a is 3, and not a list"),
        ({"a": {"b": 1}}, {"a": ({"b": str}, None)}, "a.b is 1, and not a text"),
        ({"a": 1}, {"a": object}, None),
        (1, bool, "the whole is 1, and not true or false"),
    ],
)
def test_forms(value, form, fault):
    if fault is None:
        check_form(value, form)
        return
    with pytest.raises(RecordError) as caught:
        check_form(value, form)
    assert str(caught.value).startswith(fault)


def test_names_of_any_language(tmp_path):
    path = tmp_path / "record.json"
    path.write_bytes(b"\xef\xbb\xbf" + '{"Straße/猫\u2028": 1}'.encode())
    assert read_record(path, {str: int}) == {"Straße/猫\u2028": 1}
    assert parse_record('{"a": NaN}', {"a": MAYBE_NAN})["a"] != 0


FILE = {"bytes": 1, "crc32": 2}
IMAGE = {"id": "a", "image": "a.jpg", "size": [2, 3], "masks": FILE}
QUALITY = {
    "images": 1,
    "images_with_truth": 0,
    "mean_confidence": 50.0,
    "mIoU": None,
    "accuracy": None,
    "thresholds": [0.5, 0.9],
    "kept": [99.0, None],
}
STAGE = {
    "config": {},
    "learned_from": None,
    "uses": [["zero", "last", "ab"]],
    "finished": True,
    "checkpoints": {"last": "iter_4.pth"},
    "hashes": {"last": "0"},
}


def stages(folder: Path) -> Record:
    (folder / "one").mkdir(exist_ok=True)
    return Record(folder)


def request(folder: Path) -> None:
    (folder / "progress" / "0.jsonl").write_text("{}\n")
    begin(Store(folder), {"network": "teacher"})


def journal(folder: Path) -> dict:
    return read_journals(Store(folder), [[Item("a", "a.jpg", "labeled")]])


Reader = Callable[[Path], Any]
READERS: dict[str, tuple[str, Any, Reader, type[Exception]]] = {
    "roc": (
        "roc.json",
        {"false_positive": [0, 1], "true_positive": [0.0, 1]},
        lambda folder: read_roc(folder / "roc.json"),
        ValueError,
    ),
    "stages": (
        "stages.json",
        {"version": 1, "stages": {"one": STAGE}},
        stages,
        ConfigError,
    ),
    "metrics": (
        "metrics.json",
        {"mIoU": 50.0, "IoU/cat": float("nan")},
        read_metrics,
        ConfigError,
    ),
    "job": (
        "job.json",
        {"job": "812", "earlier": {"iter_2.pth": 5}},
        lambda folder: earlier_checkpoints(folder, "812"),
        ConfigError,
    ),
    "request": ("progress/request.json", {"network": "teacher"}, request, StoreError),
    "quality": ("quality.json", {"labeled": QUALITY}, read_quality, StoreError),
    "manifest": (
        "manifest.json",
        {
            "format": 1,
            "classes": ["ground"],
            "palette": [[0, 0, 0]],
            "images": [IMAGE],
        },
        lambda folder: Store(folder).read_manifest(),
        StoreError,
    ),
    "scalars": (
        "1/vis_data/scalars.json",
        {"loss": 1.0, "mIoU": float("nan"), "iter": 2, "step": 2},
        read_scalars,
        ConfigError,
    ),
    "labels": (
        "labels.json",
        {"a": ["cat"]},
        lambda folder: read_image_labels(folder / "labels.json"),
        ValueError,
    ),
    "encoder": (
        "config.json",
        {"model_type": "dinov2", "hidden_size": 16},
        lambda folder: encoder_config(str(folder), False),
        ValueError,
    ),
}


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / READERS[name][0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def refusal(folder: Path, name: str) -> str:
    """The one line of a reader that refuses its file."""
    file, _, read, error = READERS[name]
    with pytest.raises(error) as caught:
        read(folder)
    assert type(caught.value) in (ValueError, ConfigError, StoreError)
    text = str(caught.value)
    assert Path(file).name in text
    assert "\n" not in text
    return text


DAMAGES = {
    "empty": b"",
    "encoding": b'{"a": "\xff"}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "cut off": b'{"a": [1, 2',
    "depth": b"[" * 100_000,
    "list": b"[1]",
    "number": b"5",
    "null": b"null",
    "twice": b'{"a": 1, "a": 2}',
    "large": b'{"a": 1' + b"0" * 30 + b"}",
    "larger": b'{"a": ' + b"9" * 5000 + b"}",
    "yaml": b"a: 1",
    "zero": b"\0" * 20,
}


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_record(tmp_path, name):
    if name == "encoder":
        pytest.importorskip("transformers")
    content = json.dumps(READERS[name][1]).encode()
    path = write(tmp_path, name, content + b"\n")
    READERS[name][2](tmp_path)
    for damage in DAMAGES.values():
        write(tmp_path, name, damage)
        refusal(tmp_path, name)
    path.unlink()
    if name not in ("request", "manifest", "scalars", "encoder"):
        # These look first whether there is a file.
        os.mkfifo(path)
        refusal(tmp_path, name)


CHANGES = [
    ("roc", ("true_positive",), [0, "x"], r"true_positive\[1\] is 'x', and not a numb"),
    ("roc", ("true_positive",), [float("nan")] * 2, "true_positive.0. is nan"),
    ("roc", ("true_positive",), [0], "false_positive has 2 numbers, true_positive 1"),
    ("stages", ("version",), 2, "has version 2; allowed: 1"),
    ("stages", ("version",), "1", "version is '1'"),
    ("stages", ("stages",), [], "stages is .., and not an object"),
    ("stages", ("stages", "one", "config"), 3, "stages.one.config is 3"),
    ("stages", ("stages", "one", "finished"), 1, "finished is 1, and not true or fal"),
    ("stages", ("stages", "one", "uses"), [["a"]], "one.uses has no lists of stage"),
    ("stages", ("stages", "one", "uses"), "abc", "one.uses is 'abc', and not a list"),
    ("stages", ("stages", "one", "hashes"), {}, "one.hashes has other names"),
    ("stages", ("stages", "one", "learned_from"), 5, "learned_from is 5"),
    ("metrics", ("mIoU",), "high", "mIoU is 'high', and not a number"),
    ("metrics", ("mIoU",), [1], "mIoU is"),
    ("job", ("earlier",), [], "earlier is"),
    ("job", ("earlier", "iter_2.pth"), 1.5, "earlier.iter_2.pth is 1.5"),
    ("job", ("job",), 812, "job is 812, and not a text"),
    ("quality", ("labeled", "kept"), [1.0], "labeled.thresholds has not the threshold"),
    ("quality", ("labeled", "mIoU"), "x", "labeled.mIoU is 'x', and not a number or n"),
    ("quality", ("labeled", "images"), 1.5, "labeled.images is 1.5"),
    ("manifest", ("format",), 2, "has format 2; allowed: 1"),
    ("manifest", ("format",), None, "format is None"),
    ("manifest", ("images",), {}, "images is"),
    ("scalars", ("step",), "x", "line 1 is no line of a log: step is 'x'"),
    ("scalars", ("step",), 1.5, "step is 1.5, and not an integer"),
    ("labels", ("a",), "cat", "a has 'cat' and no list"),
    ("encoder", ("model_type",), ["dinov2"], "config.json is .*: model_type is"),
]


@pytest.mark.parametrize(("name", "keys", "value", "message"), CHANGES)
def test_values_of_another_form(tmp_path, name, keys, value, message):
    if name == "encoder":
        pytest.importorskip("transformers")
    content = json.loads(json.dumps(READERS[name][1]))
    node = content
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    write(tmp_path, name, json.dumps(content).encode())
    text = refusal(tmp_path, name)
    assert re.search(message, text), text


@pytest.mark.parametrize("name", ["roc", "stages", "job", "quality", "manifest"])
def test_missing_keys(tmp_path, name):
    content = READERS[name][1]
    for key in content:
        rest = {other: value for other, value in content.items() if other != key}
        write(tmp_path, name, json.dumps(rest).encode())
        if name == "quality":
            assert READERS[name][2](tmp_path) == {}
        else:
            assert f"{key} is missing" in refusal(tmp_path, name)


def test_a_journal(tmp_path):
    store = Store(tmp_path)
    store.progress.mkdir()
    path = store.progress / "0.jsonl"
    for kind, damage in DAMAGES.items():
        path.write_bytes(damage)
        if kind in ("list", "number", "null"):
            with pytest.raises(StoreError, match=r"0\.jsonl: line 1 is no record of"):
                journal(tmp_path)
        else:
            # What is no line of JSON was not finished.
            assert journal(tmp_path) == {}
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StoreError, match=r"0\.jsonl is a pipe, not a file"):
        journal(tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe", "ä".encode("latin-1"), None])
def test_a_list(tmp_path, content):
    path = tmp_path / "list.txt"
    path.write_text("\ufeffStraße/猫\n\n b \n", encoding="utf-8")
    assert read_ids(path) == ["Straße/猫", "b"]
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match=r"list\.txt") as caught:
        read_ids(path)
    assert "\n" not in str(caught.value)


def test_another_version_is_refused_before_its_form(tmp_path):
    path = tmp_path / "record.json"
    path.write_text('{"version": 2, "a": 1}')
    assert read_versioned(path, 2, {"a": int}) == {"version": 2, "a": 1}
    with pytest.raises(RecordError, match="its version is 2, and 3 is allowed"):
        read_versioned(path, 3, {"b": int})
    with pytest.raises(RecordError, match="b"):
        read_versioned(path, 2, {"b": int})
