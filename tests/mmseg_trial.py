"""Tries a method on a shipped config of MMSegmentation at a tiny size."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS
from mmseg_configs import ROOT, shrink, size_of, write_photos

from mmseg_semisup.composition import compose, read_config
from mmseg_semisup.dry_run.grids import grid_faults
from mmseg_semisup.models import SegOutput

STEPS = 2
RUNS = "runs"


def try_method(name: str, method: str, folder: Path) -> dict[str, Any]:
    """Train and test a shipped config at a tiny size.

    Args:
        name: A shipped config.
        method: Name of a method.
        folder: An empty folder.

    Returns:
        ``result``: 'runs', 'refused' or 'fails'; ``reason`` if it does not run; else
        what :func:`train` finds.
    """
    try:
        plain = read_config(ROOT / f"{name}.py")[0]
        crop = size_of(name)
        plain = shrink(plain, folder / "data", crop)
        photos = write_photos(folder / "photos", crop)
        cfg = compose(plain, method=method, unlabeled=[str(photos)])
        assert compose(cfg)._cfg_dict == cfg._cfg_dict, "composition is not idempotent"
        cfg = written_and_read(cfg, folder / "composed.py")
        return {"result": RUNS, **train(cfg, plain.optim_wrapper)}
    except ValueError as error:
        reason = str(error).replace(f"{ROOT}/", "")
        refused = "\n" not in reason
        return {"result": "refused" if refused else "fails", "reason": reason[:600]}
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return {"result": "fails", "reason": reason[:600]}


def train(cfg: Config, optim_wrapper: ConfigDict) -> dict[str, Any]:
    """Build a composed config, take steps with all objectives on, and predict.

    Args:
        cfg: The composed config; its objectives are switched on.
        optim_wrapper: The optimizer of the plain config.

    Returns:
        ``read``: the largest difference of logits that a step reads from
        ``encode_decode``; ``loss``: the largest one of a supervised loss from mmseg's;
        ``rates``: the number of parameters with another learning rate or decay than in
        plain training.
    """
    torch.manual_seed(0)
    init_default_scope("mmseg")
    switch_on(cfg.model)
    model = MODELS.build(cfg.model)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    found = {"rates": different_rates(model, wrapper, optim_wrapper)}
    model.train()
    batches = iter(Runner.build_dataloader(cfg.train_dataloader, seed=0))
    for _ in range(STEPS):
        losses = model.train_step(next(batches), wrapper)
        model.follow()
        for key, value in losses.items():
            assert math.isfinite(float(value)), f"{key} is {float(value)}"
    trained = {id(p) for group in groups(wrapper) for p in group["params"]}
    for key, parameter in model.named_parameters():
        assert not parameter.requires_grad or id(parameter) in trained, key
    check_grids(model, next(batches), cfg.train_dataloader.dataset)
    found["loss"] = loss_difference(model, next(batches))
    found["read"] = read_difference(model, next(batches))
    model.eval()
    validated = next(iter(Runner.build_dataloader(cfg.val_dataloader)))
    with torch.no_grad():
        (predicted,) = model.test_step(validated)
    shape = predicted.gt_sem_seg.data.shape
    assert predicted.pred_sem_seg.data.shape == shape, "shape of the prediction"
    assert predicted.seg_logits.data.isfinite().all(), "predicted logits"
    return found


def check_grids(model: Any, batch: dict, dataset: ConfigDict) -> None:
    """Raise ValueError where features of two crops lie between each other."""
    data = model.data_preprocessor(batch, training=True)
    with torch.no_grad():
        step = model.make_step(data["inputs"], data["data_samples"])
        taken: Any = SimpleNamespace(step=step)
        faults = grid_faults(model, taken, DATASETS.build(dataset))
    if faults:
        raise ValueError(faults[0])


def switch_on(model: ConfigDict) -> None:
    """Let every objective count from the first iteration."""
    for objective in model.get("objectives", {}).values():
        for key in ("start", "ramp"):
            if isinstance(objective.get(key), dict):
                objective[key] = dict.fromkeys(objective[key], 0)
            elif key in objective:
                objective[key] = 0


def written_and_read(cfg: Config, path: Path) -> Config:
    """The config after it was written into a file and read again."""
    object.__setattr__(cfg, "_format_python_code", False)  # it takes seconds
    cfg.dump(path)
    read = Config.fromfile(str(path), format_python_code=False)
    assert read._cfg_dict == cfg._cfg_dict, "the written config is another one"
    return read


def groups(wrapper: Any) -> list[dict[str, Any]]:
    """Groups of parameters of all optimizers."""
    wrappers = getattr(wrapper, "optim_wrappers", {"": wrapper}).values()
    return [group for w in wrappers for group in w.optimizer.param_groups]


def rates_of(wrapper: Any) -> dict[int, tuple[float, float]]:
    """Learning rate and weight decay by id of the parameter."""
    return {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in groups(wrapper)
        for parameter in group["params"]
    }


def different_rates(model: Any, wrapper: Any, plain: ConfigDict) -> int:
    """Number of the segmentor's parameters with other rates than in plain training."""
    cfg = {k: v for k, v in plain.items() if k not in ("loss_scale", "dtype")}
    expected = rates_of(
        build_optim_wrapper(model.segmentor, {**cfg, "type": "OptimWrapper"})
    )
    found = rates_of(wrapper)
    return sum(found.get(key) != rates for key, rates in expected.items())


def loss_difference(model: Any, batch: dict) -> float:
    """Largest difference of a supervised loss from that of mmseg's ``loss``."""
    data = model.data_preprocessor(batch, training=True)
    images, samples = data["inputs"]["labeled"], data["data_samples"]["labeled"]
    student, plain = model.segmentor.train(), copy.deepcopy(model.segmentor).train()
    torch.manual_seed(0)
    found = SegOutput(student, images).supervised_loss(samples)
    torch.manual_seed(0)
    expected = plain.loss(images, samples)
    assert found.keys() == expected.keys(), "names of the losses"
    return max(_relative(found[key], expected[key]) for key in expected)


def _relative(found: Any, expected: Any) -> float:
    """Difference of two scalars; of those above 1, relative to the expected one."""
    found, expected = float(found), float(expected)
    return abs(found - expected) / max(1.0, abs(expected))


def read_difference(model: Any, batch: dict) -> float:
    """Largest difference of the logits that a step reads from ``encode_decode``."""
    data = model.data_preprocessor(batch, training=True)
    images, samples = data["inputs"]["labeled"], data["data_samples"]["labeled"]
    padded = tuple(images.shape[-2:])
    metas = [{**sample.metainfo, "img_shape": padded} for sample in samples]
    model.eval()
    differences = []
    for name in model.network_names:
        network = model.network(name)
        with torch.no_grad():
            torch.manual_seed(0)
            expected = network.encode_decode(images, metas)
            torch.manual_seed(0)
            found = SegOutput(network, images, grad=False).full_logits
        differences.append(float((found - expected).abs().max()))
    return max(differences)
