"""Files made to do harm: none executes or removes anything, each gets a message."""

from __future__ import annotations

import io
import json
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import mmengine
import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import CheckpointLoader, load_checkpoint
from mmseg.registry import HOOKS
from PIL import Image

from mmseg_semisup.core.checkpoint import load_checkpoint_file, load_checkpoint_url
from mmseg_semisup.core.errors import CheckpointError, ConfigError, StoreError
from mmseg_semisup.core.find_checkpoint import find_whole_checkpoint
from mmseg_semisup.datasets.pseudo_mask_store import Store
from mmseg_semisup.datasets.weak_labels import read_image_labels
from mmseg_semisup.models.backbones import package_checkpoint
from mmseg_semisup.stages.record import Record
from test_core.test_checkpoint import Payload, toy_runner


def good(**extra: object) -> dict:
    """What a training could go on from."""
    return {
        "meta": {"iter": 2, "epoch": 0},
        "state_dict": {"weight": torch.ones(2)},
        "optimizer": {"state": {}, "param_groups": []},
        "message_hub": {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}},
        **extra,
    }


def command(marker: Path) -> str:
    return f"mkdir {marker}"


def system_call(path: Path, marker: Path) -> None:
    torch.save(good(extra=Payload(os.system, command(marker))), path)


def evaluation(path: Path, marker: Path) -> None:
    text = f"__import__('os').mkdir({str(marker)!r})"
    torch.save(good(extra=Payload(eval, text)), path)


def attribute_gadget(path: Path, marker: Path) -> None:
    """``getattr`` is on the allow-list for the statistics of histories only."""
    code = b"".join(
        [
            b"\x80\x02cbuiltins\ngetattr\n(cmmengine.logging.history_buffer\n",
            b"HistoryBuffer\nX\x0b\x00\x00\x00__globals__tR.",
        ]
    )
    rewrite(path, code)


def statistics_gadget(path: Path, marker: Path) -> None:
    """A history whose statistics are functions of somebody else."""
    history = HistoryBuffer([1.0], [1])
    history._statistics_methods = {"mean": Payload(os.mkdir, str(marker))}
    torch.save(good(message_hub={"log_scalars": {"train/loss": history}}), path)


def nested_state(path: Path, marker: Path) -> None:
    """Deep inside the optimizer, behind things that are allowed."""
    deep = {"state": {0: {"momentum": [torch.ones(1), Payload(exec, "raise")]}}}
    deep["state"][0]["momentum"].append(Payload(os.mkdir, str(marker)))
    torch.save(good(optimizer=deep), path)


def object_array(path: Path, marker: Path) -> None:
    array = np.empty(1, dtype=object)
    array[0] = Payload(os.mkdir, str(marker))
    torch.save(good(extra=array), path)


def legacy_pickle(path: Path, marker: Path) -> None:
    content = good(extra=Payload(os.mkdir, str(marker)))
    torch.save(content, path, _use_new_zipfile_serialization=False)


def bare_pickle(path: Path, marker: Path) -> None:
    path.write_bytes(pickle.dumps(Payload(os.system, command(marker)), protocol=4))


def text_pickle(path: Path, marker: Path) -> None:
    path.write_bytes(b"cos\nsystem\n(S'" + command(marker).encode() + b"'\ntR.")


def tar_legacy(path: Path, marker: Path) -> None:
    """torch's format of 2016, with a name that would leave the folder."""
    payload = pickle.dumps(Payload(os.system, command(marker)), protocol=2)
    with tarfile.open(path, "w") as archive:
        for name in ("storages", "tensors", "pickle", "../../marker"):
            entry = tarfile.TarInfo(name)
            entry.size = len(payload)
            archive.addfile(entry, io.BytesIO(payload))


def script_archive(path: Path, marker: Path) -> None:
    """A TorchScript program that calls itself a checkpoint."""
    module = torch.jit.trace(torch.nn.Linear(1, 1), torch.ones(1, 1))
    torch.jit.save(module, str(path))


def rewrite(path: Path, code: bytes, compression: int = zipfile.ZIP_STORED) -> None:
    """A checkpoint with another pickle inside."""
    torch.save(good(), path)
    content = path.read_bytes()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(path, "w", compression) as new,
    ):
        for name in old.namelist():
            new.writestr(name, code if name.endswith("data.pkl") else old.read(name))


def bomb(path: Path, marker: Path) -> None:
    """Two kilobytes that would become twenty megabytes; it could be a terabyte."""
    rewrite(path, b"\0" * (20 << 20), zipfile.ZIP_DEFLATED)


def huge_size(path: Path, marker: Path) -> None:
    """A legacy file that says that its storage has 2**44 numbers."""
    buffer = io.BytesIO()
    content = {"state_dict": {"weight": torch.ones(77)}}
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    # K: one byte; \x8a\x06: a number of six bytes.
    size = b"\x8a\x06" + (1 << 44).to_bytes(6, "little")
    path.write_bytes(buffer.getvalue().replace(b"KM", size))


def deep_pickle(path: Path, marker: Path) -> None:
    rewrite(path, b"\x80\x02" + b"(" * 20000 + b"l" * 20000 + b".")


ATTACKS: list[Callable[[Path, Path], None]] = [
    system_call,
    evaluation,
    attribute_gadget,
    statistics_gadget,
    nested_state,
    object_array,
    legacy_pickle,
    bare_pickle,
    text_pickle,
    tar_legacy,
    script_archive,
    bomb,
    huge_size,
    deep_pickle,
]


@pytest.fixture
def marker(tmp_path, monkeypatch) -> Path:
    """What an attack would make; and nobody may execute a config meanwhile."""
    monkeypatch.setattr("mmengine.runner.runner.collect_env", dict)

    def execute(*_: object, **__: object) -> None:
        raise AssertionError("a config inside a checkpoint was executed")

    monkeypatch.setattr(mmengine.Config, "fromstring", execute)
    path = tmp_path / "marker"
    yield path
    assert not path.exists()
    assert not path.with_name("marker_2").exists()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda f: f.__name__)
@pytest.mark.usefixtures("safe_checkpoints")
def test_a_hostile_file_is_refused_wherever_it_is_read(tmp_path, marker, attack):
    path = tmp_path / "iter_4.pth"
    attack(path, marker)
    network = torch.nn.Linear(1, 1)
    readers = [
        lambda: load_checkpoint_file(path),
        lambda: CheckpointLoader.load_checkpoint(str(path), "cpu"),
        lambda: load_checkpoint(network, str(path)),
    ]
    for read in readers:
        with pytest.raises(CheckpointError, match=r"iter_4\.pth"):
            read()
    lines: list[str] = []
    with pytest.raises(ConfigError, match=r"no checkpoint in .* can be used"):
        find_whole_checkpoint(tmp_path, lines.append)
    assert "iter_4.pth" in lines[0]


def test_a_link_to_a_hostile_file_is_refused(tmp_path, marker):
    system_call(tmp_path / "hidden", marker)
    link = tmp_path / "iter_4.pth"
    link.symlink_to(tmp_path / "hidden")
    with pytest.raises(CheckpointError, match=r"iter_4\.pth"):
        load_checkpoint_file(link)
    for target in (link, Path("/dev/zero")):
        link.unlink()
        link.symlink_to(target)
        with pytest.raises((OSError, CheckpointError), match=r"iter_4\.pth"):
            load_checkpoint_file(link)


@pytest.mark.usefixtures("safe_checkpoints")
def test_a_config_inside_is_never_executed(tmp_path, marker):
    toy_runner(tmp_path / "work", 2).train()
    path = tmp_path / "work" / "iter_2.pth"
    checkpoint = load_checkpoint_file(path)
    text = f"import os; os.mkdir({str(marker)!r})"
    checkpoint["meta"] |= {"config": text, "cfg": text}
    torch.save(checkpoint, path)
    runner = toy_runner(tmp_path / "work", 4, load_from=str(path), resume=True)
    assert runner.train() is not None


@pytest.mark.parametrize(
    "target", ["../../elsewhere/iter_9.pth", "https://example.org/x.pth", "/iter_9.pth"]
)
def test_last_checkpoint_leads_nowhere_else(tmp_path, target):
    work, other = tmp_path / "a" / "work", tmp_path / "elsewhere"
    for folder in (work, other):
        folder.mkdir(parents=True)
    torch.save(good(), other / "iter_9.pth")
    if target.startswith("/"):
        target = str(other / target[1:])
    elif target.startswith(".."):
        target = str(work / target)
    (work / "last_checkpoint").write_text(target)
    lines: list[str] = []
    assert find_whole_checkpoint(work, lines.append) is None
    assert "last_checkpoint names" in lines[0]
    assert "--resume" in lines[0]
    torch.save(good(), work / "iter_2.pth")
    assert find_whole_checkpoint(work, lines.append) == work / "iter_2.pth"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_checkpoint_cannot_name_what_is_removed(tmp_path, kind):
    """MMEngine removes what the resumed checkpoint calls the previous best one."""
    precious, work = tmp_path / "precious", tmp_path / "work"
    work.mkdir()
    if kind == "file":
        precious.write_text("thesis")
    else:
        (precious / "inside").mkdir(parents=True)
    hub = MessageHub(f"malicious_{kind}")
    for key, value in {
        "best_ckpt": str(precious),
        "best_score": 0.0,
        "keep_ckpt_ids": ["../precious", 7],
    }.items():
        hub.update_info(key, value)
    hook = HOOKS.build(
        {
            "type": "AtomicCheckpointHook",
            "by_epoch": False,
            "max_keep_ckpts": 1,
            "save_best": "mIoU",
        }
    )
    lines: list[str] = []
    log = SimpleNamespace(info=lines.append, warning=lines.append)
    loop = SimpleNamespace()
    runner = SimpleNamespace(
        work_dir=str(work),
        message_hub=hub,
        logger=log,
        train_loop=loop,
        iter=0,
        max_iters=9,
        _resume=True,
        _load_from=str(work / "iter_0.pth"),
    )
    hook.before_train(runner)
    assert "precious" in lines[-1]
    assert hook.best_ckpt_path is None
    assert list(hook.keep_ckpt_ids) == [7]
    with pytest.raises(ValueError, match="it stays"):
        hook.file_backend.rmtree(precious)
    assert precious.exists()


@pytest.mark.parametrize("url", ["https://example.org/", "https://example.org/a\\b"])
def test_an_address_without_a_file_is_refused(url):
    with pytest.raises(CheckpointError, match="names no checkpoint file"):
        load_checkpoint_url(url)


def test_a_download_of_before_must_have_its_hash(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    path = tmp_path / "checkpoints" / "net-0123abcd.pth"
    path.parent.mkdir()
    torch.save({"state_dict": {}}, path)
    with pytest.raises(CheckpointError, match=r"net-0123abcd\.pth is not what its nam"):
        load_checkpoint_url("https://example.org/net-0123abcd.pth")


def test_weights_of_a_package_are_read_safely(tmp_path, marker, monkeypatch):
    path = tmp_path / "weights.pth"
    evaluation(path, marker)
    monkeypatch.setattr(package_checkpoint, "package_file", lambda url: path)
    with pytest.raises(CheckpointError, match=r"weights\.pth"):
        package_checkpoint.load_from_package("package://some/weights.pth")


def manifest(**changes: object) -> dict:
    record = {"id": "a", "image": "a.png", "size": [2, 2], "masks": {}}
    return {
        "format": 1,
        "images": [record | changes],
        "classes": ["a"],
        "palette": [[0, 0, 0]],
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "../../secret"},
        {"id": "/etc/passwd"},
        {"id": "a\\..\\..\\secret"},
        {"id": 5},
        {"image": None},
        {"size": "2x2"},
    ],
)
def test_a_manifest_cannot_leave_its_store(tmp_path, changes):
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "secret.png")
    folder = tmp_path / "store" / "x"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest(**changes)))
    with pytest.raises(StoreError, match=r"manifest\.json: .* is no image of a store"):
        Store(folder).read_manifest()


@pytest.mark.parametrize("content", ["[]", '{"format": 1, "images": 5}', "[" * 9999])
def test_a_manifest_of_another_form(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(StoreError, match=r"manifest\.json"):
        Store(tmp_path).read_manifest()


@pytest.mark.parametrize(
    "stages",
    [
        {"../stage_1": {}},
        {"stage_1": []},
        [1],
        {"stage_1": {"hashes": ["../x"]}},
        "x",
    ],
)
def test_a_record_of_stages_cannot_leave_its_folder(tmp_path, stages):
    (tmp_path / "stages.json").write_text(json.dumps({"version": 1, "stages": stages}))
    with pytest.raises(ConfigError, match=r"stages\.json is no record"):
        Record(tmp_path)


@pytest.mark.parametrize("file", ["../../x.pth", "/etc/passwd", "..", 3])
def test_a_stage_names_checkpoints_of_its_own(tmp_path, file):
    (tmp_path / "one").mkdir()
    entry = {
        "finished": True,
        "checkpoints": {"last": file},
        "hashes": {"last": "0"},
        "config": {},
    }
    content = {"version": 1, "stages": {"one": entry}}
    (tmp_path / "stages.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"stages\.json: .* of stage one is no name"):
        Record(tmp_path).checkpoint("one", "last")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100000,
        '{"a": {"__reduce__": "os.system"}}',
        '{"a": ["x", 1e999]}',
        "9" * 10000,
        "\xff\xfe",
        "!!python/object/apply:os.system [true]",
    ],
)
def test_a_list_of_labels_with_surprises(tmp_path, text):
    path = tmp_path / "labels.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"labels\.json"):
        read_image_labels(path)
