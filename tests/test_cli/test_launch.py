from __future__ import annotations

import os
import signal
import time

import pytest
import torch
from helpers import PREPROCESSOR, tiny_segmentor
from mmengine.config import Config

from mmseg_semisup.cli.launch import (
    run_tool,
    set_launcher,
    set_work_dir,
    use_augmentation,
)
from mmseg_semisup.core import atomic_io
from mmseg_semisup.core.errors import CheckpointError, ConfigError
from mmseg_semisup.engine.hooks.architecture_hook import check_state
from mmseg_semisup.engine.preemption import REQUEUE_CODE
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
    assert cfg.model_wrapper_cfg.device_ids is None
    with pytest.raises(ConfigError, match="mpi needs GPUs"):
        set_launcher(cfg, "mpi", 0)


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
