"""The outline of a training: what it will do, in ten lines.

Everything is read from the built parts, not from the config.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.hooks import CheckpointHook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from .loops import TeacherStudentValLoop

INDENT = 13


def outline(runner: Runner) -> str:
    """What a training will do.

    Args:
        runner: The runner in ``before_train``, with everything built and loaded.

    Returns:
        A headline, and a line for each topic.
    """
    headline = "This training"
    if runner.iter > 0:
        headline += f", resumed after iteration {runner.iter} ({runner._load_from})"
    lines = [
        f"  {name if first else '':<{INDENT}}{line}"
        for name, text in topics(runner).items()
        for first, line in _lines(text)
    ]
    return "\n".join([headline, *lines])


def topics(runner: Runner) -> dict[str, str]:
    """What a training will do, by topic.

    Args:
        runner: As in :func:`outline`.

    Returns:
        Topic to text, of one line or several; empty if there is nothing to say.
    """
    model: Any = runner.model
    model = model.module if is_model_wrapper(model) else model
    return {
        "model": _model(model, runner),
        "weights": _weights(model, runner),
        "networks": _networks(model),
        "objectives": _objectives(model, runner.max_iters),
        "images": _images(runner),
        "length": _length(runner),
        "optimizers": _optimizers(runner),
        "validation": _validation(runner),
        "checkpoints": _checkpoints(runner),
        "device": _device(runner),
        "files": _files(runner),
    }


def _lines(text: str) -> Iterator[tuple[bool, str]]:
    """The lines of a text, and whether each is the first."""
    for number, line in enumerate(text.splitlines()):
        yield number == 0, line


def _student(model: Any) -> Any:
    """The network that is trained, without its teacher."""
    parts = (getattr(model, name, None) for name in ("segmentor", "classifier"))
    return next((part for part in parts if isinstance(part, nn.Module)), model)


def _model(model: Any, runner: Runner) -> str:
    network = _student(model)
    parts = (getattr(network, name, None) for name in ("backbone", "decode_head"))
    names = [_type(part) for part in parts if part is not None]
    text = _type(network) + (f" of {' and '.join(names)}" if names else "")
    meta = getattr(runner.train_dataloader.dataset, "metainfo", None) or {}
    if meta.get("classes"):
        text += f", {len(meta['classes'])} classes"
    parameters = list(network.parameters())
    size = sum(p.numel() for p in parameters)
    frozen = sum(p.numel() for p in parameters if not p.requires_grad)
    text += f", {_millions(size)} parameters"
    return text + (f", {_millions(frozen)} of them frozen" if frozen else "")


def _weights(model: Any, runner: Runner) -> str:
    if runner._load_from:
        verb = "resumed" if runner._resume else "loaded"
        return f"{verb} from {runner._load_from}"
    network = _student(model)
    found = dict.fromkeys(
        name for module in network.modules() for name in _first_weights(module)
    )
    if not found:
        return "random: no part has pretrained weights"
    return f"{', '.join(found)}; the other parts start at random"


def _first_weights(module: nn.Module) -> Iterator[str]:
    """The files of pretrained weights that a part is initialised with."""
    for cfg in _listed(getattr(module, "init_cfg", None)):
        if isinstance(cfg, Mapping) and cfg.get("checkpoint"):
            yield str(cfg["checkpoint"])
    weights = getattr(module, "weights", None)
    if isinstance(weights, str):
        # Of TransformersBackbone, which loads them itself.
        yield weights


def _networks(model: Any) -> str:
    """The networks beside the student, or nothing if there are none."""
    texts = []
    teacher = getattr(model, "teacher", None)
    if isinstance(teacher, nn.Module):
        momenta = getattr(teacher, "momenta", ())
        values = [f"{value:g}" for _, value in momenta]
        momentum = f", momentum {', later '.join(values)}" if values else ""
        texts.append(f"student; teacher (its moving average{momentum})")
    for name in list(getattr(model, "network_names", ()))[1:]:
        if name != "teacher":
            texts.append(f"{name} ({_type(getattr(model, 'networks', {})[name])})")
    return "; ".join(texts)


def _objectives(model: Any, iterations: int) -> str:
    objectives = getattr(model, "objectives", None)
    if objectives is None:
        return ""
    texts = []
    for name, objective in objectives.items():
        facts = [_type(objective).removesuffix("Objective")]
        weight = getattr(objective, "weight", None)
        if isinstance(weight, (int, float)):
            facts.append(f"weight {weight:g}")
        start = getattr(objective, "start", None)
        if isinstance(start, Mapping):
            facts += [f"{k} {_start(v, iterations)}" for k, v in start.items()]
        elif start is not None:
            facts.append(_start(start, iterations))
        texts.append(f"{name} ({', '.join(facts)})")
    return "\n".join(texts) or "none: the masks alone are learned from"


def _start(start: float, iterations: int) -> str:
    first = round(start * iterations) if isinstance(start, float) else int(start)
    if first >= iterations:
        return f"from iteration {first}, WHICH THIS TRAINING DOES NOT REACH"
    return f"from iteration {first}" if first else "from the start"


def _images(runner: Runner) -> str:
    loader: Any = runner.train_dataloader
    texts = [
        f"{name} {size}, {_count(number, 'image')} an iteration"
        for name, (size, number) in _sources(loader).items()
    ]
    return "; ".join(texts)


def _sources(loader: Any) -> dict[str, tuple[int, float]]:
    """Size of each source, and its images in an iteration of all processes."""
    batch = (getattr(loader, "batch_size", None) or 1) * get_world_size()
    sampler = getattr(loader, "sampler", None)
    ratio = getattr(sampler, "ratio", None)
    sizes = getattr(sampler, "sizes", None)
    if not ratio or not sizes:
        return {"all": (len(loader.dataset), batch)}
    total = sum(ratio.values())
    return {name: (sizes[name], batch * n / total) for name, n in ratio.items()}


def _length(runner: Runner) -> str:
    iterations = runner.max_iters
    text = f"{iterations} iterations"
    if runner.max_epochs > 1:
        text = f"{runner.max_epochs} epochs, {text}"
    passes = [
        f"{iterations * number / size:.3g} times all {name} images"
        for name, (size, number) in _sources(runner.train_dataloader).items()
        if size
    ]
    return f"{text}: {', '.join(passes)}"


def _optimizers(runner: Runner) -> str:
    wrapper: Any = runner.optim_wrapper
    several = getattr(wrapper, "optim_wrappers", None) or {"": wrapper}
    texts = []
    for name, one in several.items():
        groups = one.optimizer.param_groups
        rates = sorted({g.get("initial_lr", g["lr"]) for g in groups})
        shown = f"learning rate {rates[0]:g}"
        if len(rates) > 1:
            shown = f"learning rates from {rates[0]:g} to {rates[-1]:g} by parameter"
        count = getattr(one, "_accumulative_counts", 1)
        summed = f", gradients of {count} iterations" if count > 1 else ""
        text = f"{name} {_type(one.optimizer)}, {shown}{summed}"
        texts.append(text.strip())
    schedulers = runner.param_schedulers or []
    if isinstance(schedulers, Mapping):
        schedulers = [one for part in schedulers.values() for one in part]
    policies = dict.fromkeys(_type(one) for one in schedulers)
    texts.append(", then ".join(policies) or "constant learning rate")
    return "; ".join(texts)


def _validation(runner: Runner) -> str:
    loop: Any = runner.val_loop
    if loop is None:
        return "none"
    size = len(loop.dataloader.dataset)
    train: Any = runner.train_loop
    unit = "epochs" if runner.max_epochs > 1 else "iterations"
    text = f"{_count(size, 'image')} every {train.val_interval} {unit}"
    if isinstance(loop, TeacherStudentValLoop):
        text += f", with {' and '.join(loop.evaluators)}"
    return text


def _checkpoints(runner: Runner) -> str:
    hooks = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
    if not hooks:
        return "none"
    hook = hooks[0]
    unit = "epochs" if hook.by_epoch else "iterations"
    kept = f"the last {hook.max_keep_ckpts}" if hook.max_keep_ckpts > 0 else "all"
    if hook.save_best:
        kept += f" and the best by {' and '.join(hook.key_indicators)}"
    return f"every {hook.interval} {unit}, kept: {kept}"


def _device(runner: Runner) -> str:
    device = next(iter(runner.model.parameters())).device
    name = "CPU"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    world = get_world_size()
    many = f"{world} processes" if world > 1 else "1 process"
    dtype = getattr(runner.optim_wrapper, "dtype", None)
    precision = str(dtype or torch.float32).removeprefix("torch.")
    return f"{name}, {many}, {precision}"


def _files(runner: Runner) -> str:
    log = Path(getattr(runner.logger, "log_file", None) or "")
    name = Path(runner.cfg.filename or "config.py").name
    return f"{runner.work_dir}: config {name}, log {Path(log.parent.name, log.name)}"


def _type(part: Any) -> str:
    if isinstance(part, nn.ModuleList):
        part = part[-1]
    return type(part).__name__


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, (list, tuple)) else [value]


def _millions(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number >= 50_000 else f"{number}"


def _count(number: float, noun: str) -> str:
    return f"{number:g} {noun}{'' if number == 1 else 's'}"
