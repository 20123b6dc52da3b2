"""Trainings of shipped configs at a tiny size, in processes that can be killed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tiny_configs
import torch
import torch._dynamo  # The first optimizer of each process would import it.
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from mmseg_semisup.core.checkpoint import load_checkpoint_file, use_safe_checkpoints
from mmseg_semisup.core.find_checkpoint import find_whole_checkpoint
from mmseg_semisup.engine.hooks.checkpoint_hook import PASSING
from mmseg_semisup.engine.runner import build_runner

METHODS = {
    "supervised": "supervised/supervised_deeplabv2-r101_20k_voc-1322.py",
    "mean_teacher": "demo/mean_teacher.py",
    "adv_semi_seg": "adv_semi_seg/adv-semi-seg_deeplabv2-r18_20k_voc-1322.py",
    "s4gan": "s4gan/s4gan_deeplabv2-r18_20k_voc-1322.py",
    "mlmt": "mlmt/mlmt_r101_3k_voc-529.py",
    "latent_classes": "latent_classes/latent-classes_deeplabv2-r18_20k_voc-1322.py",
    "three_stage_1": "three_stage/three-stage_deeplabv2-r18_60k_voc-212.py",
    "three_stage_2": "three_stage/three-stage_deeplabv2-r18_60k_voc-212.py",
    "three_stage_3": "three_stage/three-stage_deeplabv2-r18_60k_voc-212.py",
    "context_aware": "context_aware/context-aware_deeplabv3plus-r50_93k_voc-1323.py",
    "cps": "cps/cps-cutmix_deeplabv3plus-r50_39k_voc-1323.py",
    "prevmatch": "prevmatch/prevmatch-best_deeplabv3plus-r50_105k_voc-92.py",
    "augseg": "augseg/augseg_deeplabv3plus-r101_50k_voc-662.py",
    "u2pl": "u2pl/u2pl_deeplabv3plus-r101_50k_voc-662.py",
}
"""The methods with their configs; a number is that of a stage."""
STEPS = 4
INTERVAL = 2
TRACE = "trace.jsonl"


def tiny_config(
    method: str,
    folder: Path,
    work_dir: Path,
    narrow_heads: bool = True,
    **changes: object,
) -> Config:
    """The config of a method, shrunk: four steps, a checkpoint after two."""
    cfgs = tiny_configs.training_configs(tiny_configs.read(METHODS[method]), folder)
    number = int(method[-1]) if method[-1].isdigit() else 1
    cfg = tiny_configs.shrink(cfgs[number - 1], folder, 32, narrow_heads)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f"{work_dir.parent.name}-{work_dir.name}-{os.getpid()}"
    cfg.train_cfg.update(max_iters=STEPS, val_interval=INTERVAL)
    best = "mAP" if "classifier" in cfg.model else "mIoU"
    if cfg.val_cfg.type == "TeacherStudentValLoop":
        best = f"{'teacher' if cfg.model.get('teacher') else 'student'}/{best}"
    cfg.default_hooks.checkpoint.update(
        interval=INTERVAL, max_keep_ckpts=1, save_best=best, save_last=True
    )
    cfg.default_hooks.logger.interval = 3
    cfg.merge_from_dict(changes)
    return cfg


def distribute(cfg: Config) -> Config:
    """The config for one of several processes, which have no GPUs."""
    without_sync(cfg.model)
    cfg.launcher = "pytorch"
    cfg.model_wrapper_cfg = dict(
        type="MMDistributedDataParallel", device_ids=None, broadcast_buffers=False
    )
    return cfg


def without_sync(node: object) -> None:
    """Take statistics of batches in each process alone: others need GPUs."""
    if isinstance(node, dict):
        if node.get("type") == "SyncBN":
            node["type"] = "BN"
        for value in node.values():
            without_sync(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            without_sync(value)


class TraceHook(Hook):
    """Notes which data each step gets, and may kill the process after one.

    Args:
        path: The file to add lines to.
        kill_after: Number of the last step.
    """

    priority = "VERY_HIGH"

    def __init__(self, path: Path, kill_after: int | None = None) -> None:
        self.path = path
        self.kill_after = kill_after

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        digest = hashlib.sha256()
        for branch, images in sorted(data_batch["inputs"].items()):
            digest.update(branch.encode())
            for image in images:
                digest.update(image.numpy().tobytes())
        with self.path.open("a") as file:
            file.write(json.dumps([batch_idx, digest.hexdigest()]) + "\n")

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        if batch_idx + 1 == self.kill_after:
            os.kill(os.getpid(), signal.SIGKILL)


def train(
    cfg: Config,
    resume: bool,
    kill_after: int | None = None,
    hooks: Sequence[Hook] = (),
    accept: str | None = None,
) -> None:
    """Train as the tool does, with ``--resume`` or without."""
    quick()
    if resume:
        cfg.load_from = str(find_whole_checkpoint(cfg.work_dir, print))
    cfg.resume = resume
    runner = build_runner(cfg, resume, accept)
    path = Path(cfg.work_dir) / f"{get_rank()}-{TRACE}"
    for hook in (TraceHook(path, kill_after), *hooks):
        runner.register_hook(hook)
    runner.train()


def quick() -> None:
    """Leave out what takes longer than a tiny training."""
    use_safe_checkpoints()
    Config.pretty_text = ""
    Runner._log_env = lambda self, env_cfg: None


def trace(work_dir: Path, rank: int = 0) -> dict[int, str]:
    """Which data each step got last; a step that was repeated got the same."""
    found: dict[int, str] = {}
    for line in (work_dir / f"{rank}-{TRACE}").read_text().splitlines():
        step, digest = json.loads(line)
        assert found.setdefault(step, digest) == digest
    return found


def final(work_dir: Path, steps: int = STEPS) -> dict:
    """Everything in the last checkpoint but times and paths."""
    content = load_checkpoint_file(work_dir / f"iter_{steps}.pth")
    content["meta"] = {key: content["meta"][key] for key in ("iter", "epoch", "seed")}
    content.pop(PASSING, None)
    hub = content["message_hub"]
    paths = ("cfg", "experiment_name", "last_ckpt", "best_ckpt", "loop_stage")
    for key in (*paths, "eta"):
        hub["runtime_info"].pop(key, None)
    for key in [key for key in hub["log_scalars"] if "time" in key]:
        del hub["log_scalars"][key]
    return content


def assert_same(one: Any, other: Any, path: str = "") -> None:
    """Compare nested states bit for bit; NaN equals NaN."""
    if isinstance(one, HistoryBuffer):
        one, other = one.data, other.data
    assert type(one) is type(other), path
    if isinstance(one, dict):
        assert sorted(one) == sorted(other), path
        for key in one:
            assert_same(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), path
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{path}.{index}")
    elif isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, path
        assert torch.equal(one, other) or same_with_nan(one, other), path
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, err_msg=path)
    else:
        assert one == other or (one != one and other != other), path


def same_with_nan(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are equal, NaN at the same places."""
    return torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)
