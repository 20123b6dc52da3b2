"""An encoder's first weights in two processes, after the runner has initialised all."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.hooks import Hook
from plain_configs import draw_images, plain_config
from processes import in_two_processes
from tiny_encoders import DINOV2, original_state

from mmseg_semisup.composition import compose
from mmseg_semisup.engine.runner import build_runner
from mmseg_semisup.models.backbones import TransformersBackbone

pytest.importorskip("transformers")


class Weights(Hook):
    """Keeps what the student begins with."""

    def before_train(self, runner):
        student = runner.model.module.segmentor
        self.found = copy.deepcopy(student.backbone.state_dict())


def first_weights(rank, folder, weights):
    encoder = dict(name="dinov2-small", arch=DINOV2, weights=weights)
    cfg = compose(
        plain_config(folder / "data", iters=1, encoder=encoder),
        "unimatch_v2",
        [str(folder / "data" / "train" / "images")],
    )
    cfg.model.segmentor.decode_head.in_channels = 16
    # Other random numbers in each process.
    cfg.randomness = dict(seed=0, diff_rank_seed=True)
    cfg.work_dir = str(folder / f"work_{weights is None}")
    for key in ("val_cfg", "val_dataloader", "val_evaluator"):
        cfg[key] = None
    cfg.default_hooks.checkpoint = None
    cfg.launcher = "pytorch"
    cfg.model_wrapper_cfg = dict(
        type="MMDistributedDataParallel", device_ids=None, broadcast_buffers=False
    )
    runner = build_runner(cfg, strict=False)
    built = copy.deepcopy(runner.model.module.segmentor.backbone.state_dict())
    hook = Weights()
    runner.register_hook(hook)
    runner.train()
    return {"built": built, "first": hook.found}


def both(rank, folder, file):
    return first_weights(rank, folder, None), first_weights(rank, folder, file)


@pytest.mark.slow
def test_every_process_begins_with_the_weights_that_were_given(tmp_path):
    draw_images(tmp_path / "data", masks=4)
    file = str(tmp_path / "dinov2.pth")
    torch.save(original_state(16, 4, 25, 32), file)
    expected = TransformersBackbone(DINOV2, weights=file)
    expected.init_weights()
    found = in_two_processes(both, tmp_path, file)
    drawn = found[0][0]["built"]
    for random, loaded in found:
        for name, value in expected.state_dict().items():
            assert torch.equal(loaded["first"][name], value), name
            assert torch.equal(random["first"][name], drawn[name]), name
    assert not torch.equal(
        drawn["encoder.embeddings.cls_token"],
        expected.state_dict()["encoder.embeddings.cls_token"],
    )
