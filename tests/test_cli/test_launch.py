from __future__ import annotations

import errno
import os
import signal
import time

import pytest
import torch
from helpers import PREPROCESSOR, tiny_segmentor
from mmengine.config import Config

from mmseg_semisup.cli import launch
from mmseg_semisup.cli.launch import (
    run_tool,
    set_launcher,
    set_work_dir,
    use_augmentation,
    writing_into,
)
from mmseg_semisup.core import atomic_io
from mmseg_semisup.core.errors import CheckpointError, ConfigError, WriteError
from mmseg_semisup.engine.hooks.architecture_hook import check_state
from mmseg_semisup.engine.preemption import REQUEUE_CODE, requests
from mmseg_semisup.engine.runner import set_precision


def test_work_dir_by_priority(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = Config()
    set_work_dir(cfg, None, "configs/adv.py")
    assert cfg.work_dir == "work_dirs/adv"
    cfg = Config(dict(work_dir="own"))
    set_work_dir(cfg, None, "configs/adv.py")
    assert cfg.work_dir == "own"
    set_work_dir(cfg, "option", "configs/adv.py")
    assert cfg.work_dir == "option"
    assert {p.name for p in tmp_path.iterdir()} == {"work_dirs", "own", "option"}


def test_work_dir_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write into the folder .*file/below"):
        set_work_dir(Config(), str(tmp_path / "file" / "below"), "c.py")

    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    # root may write everywhere, so the refusal is made up
    monkeypatch.setattr(atomic_io.tempfile, "TemporaryFile", refuse)
    with pytest.raises(ConfigError, match="Permission denied"):
        set_work_dir(Config(), str(tmp_path), "c.py")


@pytest.mark.parametrize(
    ("cuda", "precision"), [(True, "float16"), (False, "bfloat16")]
)
def test_mixed_precision(monkeypatch, cuda, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    # A logger of MMEngine asks for its device; a failure would leave its lock taken.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    optim_wrapper = dict(constructor="JointOptimWrapperConstructor")
    cfg = Config(dict(optim_wrapper=optim_wrapper))
    set_precision(cfg)
    assert cfg.optim_wrapper.precision == precision
    with pytest.raises(ConfigError, match="JointOptimWrapperConstructor"):
        set_precision(Config(dict(optim_wrapper=dict(type="OptimWrapper"))))


def test_launcher_without_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("LOCAL_RANK", "0")
    started = []
    monkeypatch.setattr(torch.distributed, "init_process_group", started.append)
    cfg = Config()
    set_launcher(cfg, "none", 0)
    assert not started
    assert "model_wrapper_cfg" not in cfg
    set_launcher(cfg, "pytorch", 0)
    assert started == ["gloo"]
    assert cfg.model_wrapper_cfg.type == "BucketedDataParallel"
    assert cfg.model_wrapper_cfg.device_ids is None
    with pytest.raises(ConfigError, match="mpi needs GPUs"):
        set_launcher(cfg, "mpi", 0)


def test_a_stated_wrapper_is_kept(monkeypatch):
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda backend: None)
    monkeypatch.setenv("LOCAL_RANK", "0")
    stated = dict(type="MMDistributedDataParallel", static_graph=True)
    for has_gpu in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda found=has_gpu: found)
        cfg = Config(dict(model_wrapper_cfg=dict(stated)))
        set_launcher(cfg, "pytorch", 0)
        own = {} if has_gpu else {"device_ids": None}
        assert cfg.model_wrapper_cfg == {**stated, **own}


def test_augmentation_needs_its_config():
    with pytest.raises(ConfigError, match="no tta_model and no tta_pipeline"):
        use_augmentation(Config())


def test_weights_of_another_architecture():
    model = torch.nn.Linear(2, 3)
    check_state(model, model.state_dict())
    other = dict(weight=torch.zeros(3, 4), bias=torch.zeros(3), more=torch.zeros(1))
    message = r"1 unexpected \(more\); 1 of other size \(weight \(3, 4\) instead of"
    with pytest.raises(CheckpointError, match=message):
        check_state(model, other)
    check_state(model, other, strict=False)
    with pytest.raises(CheckpointError, match="2 missing"):
        check_state(model, dict(other=torch.zeros(1)), strict=False)


@pytest.mark.parametrize(
    ("weight", "reason"),
    [
        ([1.0], "weight is a list"),
        (torch.ones(3, 2, device="meta"), "weight is on no device"),
        (torch.ones(3, 2).to_sparse(), r"weight is torch\.sparse_coo"),
        (torch.ones(3, 2, dtype=torch.float64), r"float64 instead of torch\.float32"),
        (torch.ones(3, 2, dtype=torch.int8), r"int8 instead of torch\.float32"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_weights_that_would_not_be_copied_exactly(weight, reason, strict):
    model = torch.nn.Linear(2, 3)
    state = dict(model.state_dict(), weight=weight)
    with pytest.raises(CheckpointError, match=f"copied exactly: .*{reason}"):
        check_state(model, state, strict)
    check_state(model, dict(state, weight=torch.ones(3, 2).half()), strict)


def test_training_starts_from_the_same_backbone_with_other_classes():
    def network(width, classes):
        parts = dict(backbone=torch.nn.Linear(2, width))
        return torch.nn.ModuleDict(
            dict(**parts, decode_head=torch.nn.Linear(width, classes))
        )

    state = network(3, 19).state_dict()
    check_state(network(3, 7), state, strict=False)
    with pytest.raises(CheckpointError, match=r"a\.pth .*of other size \(decode_head"):
        check_state(
            network(3, 7),
            dict(state, **{"decode_head.bias": torch.ones(2)}),
            name="a.pth",
        )
    with pytest.raises(CheckpointError, match=r"2 of other size \(backbone\.bias"):
        check_state(network(4, 7), state, strict=False)
    state["backbone.more"] = torch.ones(1)
    with pytest.raises(CheckpointError, match=r"1 unexpected \(backbone\.more\)"):
        check_state(network(3, 7), state, strict=False)


def test_a_file_that_may_not_be_read_is_named_in_one_line():
    def tool():
        raise PermissionError(errno.EACCES, "Permission denied", "/secret.py")

    with pytest.raises(SystemExit, match=r"^error: /secret\.py: Permission denied$"):
        run_tool(tool)


def test_a_worker_whose_end_is_told_twice(monkeypatch):
    """Torch's handler raises again when the next worker ends, during the clean-up."""

    def handler(*_: object) -> None:
        raise RuntimeError("DataLoader worker (pid 7) is killed")

    def explain(error: Exception) -> str:
        os.kill(os.getpid(), signal.SIGCHLD)
        return str(error)

    def tool() -> None:
        signal.signal(signal.SIGCHLD, handler)
        os.kill(os.getpid(), signal.SIGCHLD)

    monkeypatch.setattr(launch, "explain", explain)
    before = signal.getsignal(signal.SIGCHLD)
    try:
        with pytest.raises(SystemExit, match=r"^error: DataLoader worker \(pid 7\)"):
            run_tool(tool)
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_disk_that_any_file_meets(tmp_path, number):
    expected = WriteError if number != errno.EACCES else PermissionError
    message = f"cannot write into {tmp_path}: .* are whole"
    with (
        pytest.raises(expected, match=message if expected is WriteError else "denied"),
        writing_into(tmp_path),
    ):
        raise OSError(number, os.strerror(number))


def test_a_work_dir_whose_links_lead_elsewhere_is_refused(tmp_path):
    work, other = tmp_path / "work", tmp_path / "other"
    for folder in (work, other):
        folder.mkdir()
    (work / "first").symlink_to(other)
    with pytest.raises(ConfigError, match="first is a link to .*/other'"):
        set_work_dir(Config({}), str(work), "a.py")


def test_a_worker_that_ended_before_does_not_raise_while_the_handler_changes(
    monkeypatch,
):
    """Python runs a handler that is due inside of ``signal.signal``."""
    set_handlers = []

    def due(number, handler):
        set_handlers.append((number, handler))
        if len(set_handlers) == 1:
            raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")

    monkeypatch.setattr(signal, "signal", due)
    launch._stop_listening_to_workers()
    assert set_handlers == 2 * [(signal.SIGCHLD, signal.SIG_DFL)]


def test_told_to_leave_where_the_exception_is_swallowed():
    """MMEngine did so with a signal that came while it printed the config."""

    def tool():
        try:
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(60)
        except BaseException as error:
            raise SyntaxError("Failed to format the config file") from error

    with pytest.raises(SystemExit) as stop:
        run_tool(tool)
    assert stop.value.code == REQUEUE_CODE
    # The process would have ended.
    requests.uninstall()

    def mistaken():
        raise SyntaxError

    with pytest.raises(SyntaxError):
        run_tool(mistaken)


@pytest.mark.parametrize("lacking", [False, True])
def test_augmentation_keeps_the_steps_that_are_tested(lacking):
    load, pack = dict(type="LoadImageFromFile"), dict(type="mmseg.PackSegInputs")
    small = dict(type="Rerange", min_value=0, max_value=1)
    sized = dict(type="Resize", scale=(8, 8))
    leaf = dict(type="BaseSegDataset", pipeline=[load, small, sized, pack])
    flips = [dict(type="RandomFlip", prob=p) for p in (0.0, 1.0)]
    augmented = dict(type="TestTimeAug", transforms=[flips, [pack]])
    if not lacking:
        augmented["transforms"].insert(0, [small])
    cfg = Config(
        dict(
            model=tiny_segmentor(),
            data_preprocessor=PREPROCESSOR,
            test_dataloader=dict(dataset=dict(type="ConcatDataset", datasets=[leaf])),
            tta_model=dict(type="SegTTAModel"),
            tta_pipeline=[dict(load, backend_args=None), augmented],
        )
    )
    if lacking:
        with pytest.raises(ConfigError, match="tta_pipeline has no .*Rerange"):
            use_augmentation(cfg)
        return
    use_augmentation(cfg)
    assert cfg.test_dataloader.dataset.datasets[0].pipeline == cfg.tta_pipeline
    # The preprocessor at the top belongs to the network, not to what surrounds it.
    assert cfg.model.module.data_preprocessor.mean == PREPROCESSOR["mean"]
