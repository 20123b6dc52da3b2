"""Reading checkpoints: the restricted reader, damaged files, executable content."""

from __future__ import annotations

import hashlib
import os
import pickle
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import tiny_segmentor
from mmengine.config import Config
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.model import BaseModel
from mmengine.runner import CheckpointLoader, Runner
from mmseg.apis import init_model

from mmseg_semisup.core.checkpoint import (
    load_checkpoint_file,
    load_checkpoint_url,
    use_safe_checkpoints,
)
from mmseg_semisup.core.errors import CheckpointError
from mmseg_semisup.models.backbones import package_checkpoint


class Payload:
    """What a hostile file would hold: it makes a marker when it is unpickled."""

    def __init__(self, call, *args):
        self.call, self.args = call, args

    def __reduce__(self):
        return self.call, self.args


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Start runners without a description of the machine."""
    monkeypatch.setattr("mmengine.runner.runner.collect_env", dict)


def own_checkpoint() -> dict:
    """A checkpoint with everything that MMEngine puts into its own."""
    hub = MessageHub("test_checkpoint")
    for value in (3.0, 1.0, 2.0):
        hub.update_scalar("train/loss", value)
    hub.update_scalar("val/mIoU", np.float32(0.5))
    hub.update_info("best", np.float64(0.25))
    hub.update_info("flags", np.array([True, False]))
    hub.update_info("ids", np.arange(3, dtype=np.int32))
    return dict(
        meta=dict(iter=3, epoch=0, dataset_meta=dict(classes=("a", "b"))),
        state_dict=dict(weight=torch.arange(4.0)),
        message_hub=hub.state_dict(),
        optimizer=dict(state={}, param_groups=[dict(lr=np.float64(0.1))]),
    )


def test_own_checkpoints_are_read(tmp_path):
    torch.save(own_checkpoint(), tmp_path / "a.pth")
    found = load_checkpoint_file(tmp_path / "a.pth")
    logs = found["message_hub"]["log_scalars"]
    assert logs["train/loss"].mean() == 2.0
    assert logs["train/loss"].statistics("max") == 3.0
    assert found["message_hub"]["runtime_info"]["ids"].tolist() == [0, 1, 2]
    assert found["optimizer"]["param_groups"][0]["lr"] == 0.1
    assert torch.equal(found["state_dict"]["weight"], torch.arange(4.0))


def test_files_written_under_numpy_1_are_read(tmp_path):
    source, target = tmp_path / "a.pth", tmp_path / "b.pth"
    torch.save(own_checkpoint(), source)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("data.pkl"):
                renamed = content.replace(b"cnumpy._core.", b"cnumpy.core.")
                assert renamed != content or np.__version__ < "2"
                content = renamed
            new.writestr(name, content)
    found = load_checkpoint_file(target)
    assert found["message_hub"]["runtime_info"]["best"] == 0.25


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    "attack",
    [
        lambda marker: Payload(os.mkdir, marker),
        lambda marker: Payload(os.system, f"mkdir {marker}"),
        lambda marker: Payload(exec, f"import os; os.mkdir({marker!r})"),
        lambda marker: Payload(eval, f"__import__('os').mkdir({marker!r})"),
        lambda marker: Payload(getattr, os, "mkdir"),
        lambda marker: Payload(getattr, HistoryBuffer, "__init__"),
        lambda marker: Payload(partial, os.mkdir, marker),
        lambda marker: Payload(Path, marker),
        lambda marker: Payload(np.dtype, "O"),
        lambda marker: Payload(np.fromfile, marker),
    ],
)
def test_files_that_could_execute_code_are_refused(tmp_path, attack, legacy):
    marker, path = tmp_path / "marker", tmp_path / "hostile.pth"
    content = dict(state_dict=dict(), extra=attack(str(marker)))
    try:
        torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    except (pickle.PicklingError, TypeError):
        # Modules cannot be pickled: name one by hand, as an attacker would.
        path.write_bytes(b"\x80\x02cos\nmkdir\n(V" + str(marker).encode() + b"\ntR.")
    with pytest.raises(CheckpointError, match=r"hostile\.pth"):
        load_checkpoint_file(path)
    assert not marker.exists()


def test_the_refusal_names_the_option(tmp_path):
    torch.save(dict(extra=Path("x")), tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"pathlib.*--trust-checkpoint"):
        load_checkpoint_file(tmp_path / "other.pth")
    assert load_checkpoint_file(tmp_path / "other.pth", trust=True)["extra"] == Path(
        "x"
    )


def test_config_text_is_dropped(tmp_path):
    torch.save(dict(meta=dict(config="raise", iter=1)), tmp_path / "a.pth")
    assert load_checkpoint_file(tmp_path / "a.pth")["meta"] == dict(iter=1)
    trusted = load_checkpoint_file(tmp_path / "a.pth", trust=True)
    assert trusted["meta"]["config"] == "raise"


@pytest.mark.parametrize("kept", [0, 1, 40, 700, -1])
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_truncated_files_are_named(tmp_path, kept, legacy):
    path = tmp_path / "part.pth"
    torch.save(own_checkpoint(), path, _use_new_zipfile_serialization=not legacy)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"part\.pth.*(damaged|empty|no check)"):
        load_checkpoint_file(path)


def test_other_files_are_named(tmp_path):
    path = tmp_path / "page.pth"
    path.write_text("<html>not found</html>")
    with pytest.raises(CheckpointError, match=r"page\.pth is no checkpoint"):
        load_checkpoint_file(path)
    with pytest.raises(FileNotFoundError, match=r"absent\.pth"):
        load_checkpoint_file(tmp_path / "absent.pth")
    torch.save([1, 2], path)
    with pytest.raises(CheckpointError, match=r"page\.pth holds list"):
        load_checkpoint_file(path)


def test_reading_changes_no_global_setting(tmp_path):
    torch.save(own_checkpoint(), tmp_path / "a.pth")
    before = set(torch.serialization.get_safe_globals())
    load_checkpoint_file(tmp_path / "a.pth")
    assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.usefixtures("restored_readers")
def test_mmengine_reads_safely(tmp_path):
    use_safe_checkpoints()
    torch.save(own_checkpoint(), tmp_path / "own.pth")
    found = CheckpointLoader.load_checkpoint(str(tmp_path / "own.pth"), "cpu")
    assert found["meta"]["iter"] == 3
    marker = tmp_path / "marker"
    torch.save(dict(a=Payload(os.mkdir, str(marker))), tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match=r"bad\.pth"):
        CheckpointLoader.load_checkpoint(str(tmp_path / "bad.pth"), "cpu")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "bad.pth", weights_only=False)
    assert not marker.exists()


@pytest.mark.usefixtures("restored_readers")
def test_trusted_files_are_read_whole(tmp_path, monkeypatch):
    path = tmp_path / "other.pth"
    torch.save(dict(extra=Path("x")), path)
    monkeypatch.setattr(package_checkpoint, "package_file", lambda url: path)
    readers = (
        lambda: CheckpointLoader.load_checkpoint(str(path), "cpu"),
        lambda: package_checkpoint.load_from_package("package://some/other.pth"),
        lambda: load_checkpoint_file(path),
    )
    use_safe_checkpoints(trust=True)
    for read in readers:
        assert read()["extra"] == Path("x")
    with pytest.raises(CheckpointError):
        load_checkpoint_file(path, trust=False)
    use_safe_checkpoints()
    for read in readers:
        with pytest.raises(CheckpointError, match="--trust-checkpoint"):
            read()


def test_downloads_are_checked(tmp_path, monkeypatch):
    torch.save(dict(state_dict=dict(a=torch.ones(1))), tmp_path / "model.pth")
    digest = hashlib.sha256((tmp_path / "model.pth").read_bytes()).hexdigest()
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    good = tmp_path / f"model-{digest[:8]}.pth"
    bad = tmp_path / "model-00000000.pth"
    for path in (good, bad):
        path.write_bytes((tmp_path / "model.pth").read_bytes())
    found = load_checkpoint_url(good.as_uri())
    assert found["state_dict"]["a"].item() == 1
    with pytest.raises(RuntimeError, match="hash"):
        load_checkpoint_url(bad.as_uri())
    assert not (tmp_path / "hub" / "checkpoints" / bad.name).exists()


class Toy(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2))

    def forward(self, inputs, data_samples=None, mode="loss"):
        return dict(loss=(self.weight * inputs).sum())


def toy_runner(work_dir: Path, iterations: int, **options) -> Runner:
    return Runner(
        model=Toy(),
        work_dir=str(work_dir),
        train_dataloader=dict(
            dataset=[dict(inputs=torch.ones(2)) for _ in range(4)],
            sampler=dict(type="InfiniteSampler", shuffle=False),
            batch_size=2,
            collate_fn=dict(type="default_collate"),
        ),
        train_cfg=dict(type="IterBasedTrainLoop", max_iters=iterations),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1, momentum=0.9)),
        param_scheduler=dict(type="PolyLR", by_epoch=False, begin=0, end=8),
        default_hooks=dict(
            checkpoint=dict(type="CheckpointHook", by_epoch=False, interval=2)
        ),
        default_scope="mmengine",
        experiment_name=f"{work_dir.name}_{iterations}",
        **options,
    )


@pytest.mark.usefixtures("restored_readers")
def test_resume_continues_exactly_and_executes_nothing(tmp_path):
    use_safe_checkpoints()
    whole = toy_runner(tmp_path / "whole", 4).train()
    toy_runner(tmp_path / "half", 2).train()
    path, marker = tmp_path / "half" / "iter_2.pth", tmp_path / "marker"
    checkpoint = load_checkpoint_file(path)
    checkpoint["meta"]["config"] = f"import os; os.mkdir({str(marker)!r})"
    torch.save(checkpoint, path)
    runner = toy_runner(tmp_path / "half", 4, load_from=str(path), resume=True)
    assert torch.equal(runner.train().weight, whole.weight)
    assert not marker.exists()


@pytest.mark.usefixtures("restored_readers")
def test_init_model_reads_a_checkpoint_with_histories(tmp_path):
    use_safe_checkpoints()
    cfg = Config(dict(model=tiny_segmentor(), default_scope="mmseg"))
    first = init_model(cfg, device="cpu")
    checkpoint = own_checkpoint()
    checkpoint["state_dict"] = first.state_dict()
    checkpoint["meta"]["dataset_meta"]["palette"] = [[0, 0, 0], [1, 1, 1]]
    torch.save(checkpoint, tmp_path / "a.pth")
    second = init_model(cfg, str(tmp_path / "a.pth"), device="cpu")
    assert second.dataset_meta["classes"] == ("a", "b")
    for name, value in second.state_dict().items():
        assert torch.equal(value, first.state_dict()[name]), name
