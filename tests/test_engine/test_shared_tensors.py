"""What student and teacher share is in a checkpoint once, and resumes exactly."""

from __future__ import annotations

import pytest
import torch
from plain_configs import draw_images, plain_config
from tiny_encoders import DINOV2
from torch import nn

from mmseg_semisup.composition import compose
from mmseg_semisup.engine.runner import build_runner
from mmseg_semisup.engine.shared_tensors import share_tensors


def copied(state):
    """A state as it comes from a GPU, where each tensor becomes one of its own."""
    return {name: value.clone() for name, value in state.items()}


def storages(state):
    return {value.untyped_storage().data_ptr() for value in state.values()}


def test_names_of_one_tensor_stay_together():
    model = nn.ModuleList([nn.BatchNorm2d(2), nn.Linear(2, 2)])
    model.append(model[0])
    state = copied(model.state_dict())
    share_tensors(state, model)
    assert (len(state), len(storages(state))) == (12, 7)
    for name, value in model.state_dict().items():
        assert torch.equal(state[name], value)
    assert state["0.weight"] is state["2.weight"]
    assert state["0.weight"] is not state["0.bias"]


def test_names_that_a_checkpoint_lacks_stay_away():
    model = nn.ModuleList([nn.Linear(2, 2)] * 2)
    state = copied(model.state_dict())
    del state["0.weight"], state["1.bias"]
    share_tensors(state, model)
    assert set(state) == {"0.bias", "1.weight"}


def train(folder, work_dir, **changes):
    encoder = dict(name="dinov2-small", arch=DINOV2, weights=None, frozen=True)
    cfg = compose(
        plain_config(folder / "data", iters=4, encoder=encoder),
        "unimatch_v2",
        [str(folder / "data" / "train" / "images")],
    )
    small = dict(in_channels=16, channels=4, out_channels=[4] * 4)
    cfg.model.segmentor.decode_head.update(small)
    cfg.default_hooks.checkpoint.interval = 2
    for key in ("val_cfg", "val_dataloader", "val_evaluator"):
        cfg[key] = None
    cfg.default_hooks.checkpoint.save_best = None
    cfg.work_dir = str(folder / work_dir)
    cfg.merge_from_dict(changes)
    build_runner(cfg, strict=cfg.get("resume", False)).train()
    return {
        n: torch.load(folder / work_dir / f"iter_{n}.pth", weights_only=False)
        for n in (2, 4)
        if (folder / work_dir / f"iter_{n}.pth").is_file()
    }


def test_a_frozen_encoder_is_saved_once_and_resumes_exactly(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setattr("mmengine.runner.runner.weights_to_cpu", copied)
    draw_images(tmp_path / "data", masks=4)
    whole = train(tmp_path, "whole")
    for content in whole.values():
        state = content["state_dict"]
        inner = [k for k in state if k.startswith("teacher.network.backbone.")]
        assert inner
        for name in inner:
            own = name.replace("teacher.network", "segmentor")
            assert state[name].data_ptr() == state[own].data_ptr()
        assert len(storages(state)) == len(state) - len(inner)
    file = str(tmp_path / "whole" / "iter_2.pth")
    resumed = train(tmp_path, "resumed", load_from=file, resume=True)
    for name, value in whole[4]["state_dict"].items():
        assert torch.equal(resumed[4]["state_dict"][name], value), name
