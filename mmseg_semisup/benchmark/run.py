"""All measurements of a config."""

from __future__ import annotations

import statistics
from typing import Any

import torch
from mmengine.config import Config

from mmseg_semisup.core.cpu import keep_freed_memory
from mmseg_semisup.core.errors import ConfigError

from .floor import Floor
from .loader import measure_loading
from .operations import count_operations, count_waits
from .step import TrainingStep, load_batch
from .timing import interleave, peak_memory


def benchmark(
    cfg: Config,
    device: str = "cpu",
    repeats: int = 15,
    warmup: int = 3,
    loader_seconds: float = 10.0,
    workers: int | None = None,
) -> dict[str, Any]:
    """Measure a training step, its floor, and the loader.

    Args:
        cfg: The config.
        device: Where to run.
        repeats: How often step and floor are measured, in turn.
        warmup: How often they run before.
        loader_seconds: How long each data loader runs; 0: they are not measured.
        workers: Number of their worker processes; None: the config's.

    Returns:
        The figures, as ``to_text`` takes them; times in milliseconds.

    Raises:
        ConfigError: If the model is no ``SemiSegmentor``.
    """
    if "segmentor" not in cfg.model:
        raise ConfigError(
            f"model.type={cfg.model.type!r}: only a SemiSegmentor can be measured; the "
            "supervised baseline is one with objectives=dict()"
        )
    on_gpu = torch.device(device).type == "cuda"
    if not on_gpu:
        # As a training does it.
        keep_freed_memory()
    # As MMEngine's runner does it.
    env_cfg = cfg.get("env_cfg") or {}
    torch.backends.cudnn.benchmark = bool(env_cfg.get("cudnn_benchmark"))
    batch = load_batch(cfg)
    with peak_memory(device) as peak:
        step = TrainingStep.from_config(cfg, batch, device)
        step()
        if on_gpu:
            # cuDNN's search in the first step tries algorithms that need much memory.
            torch.cuda.reset_peak_memory_stats(device)
        step()
        memory = peak()
    floor = Floor(step)
    times = interleave(dict(step=step, floor=floor), repeats, warmup, device)
    quarters = statistics.quantiles(times["step"].wall, n=4)
    wall = {name: 1e3 * statistics.median(t.wall) for name, t in times.items()}
    processor = {n: 1e3 * statistics.median(t.processor) for n, t in times.items()}
    images = step.model.data_preprocessor(batch, True)["inputs"]
    operations = count_operations(step, device)
    bare = count_operations(floor, device)
    result = dict(
        config=cfg.filename,
        device=_device_name(device),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        precision=cfg.optim_wrapper.get("precision", "float32"),
        batch={name: list(image.shape) for name, image in images.items()},
        repeats=repeats,
        step_ms=wall["step"],
        step_range_ms=[1e3 * quarters[0], 1e3 * quarters[2]],
        floor_ms=wall["floor"],
        ratio=wall["step"] / wall["floor"],
        processor_ms=processor,
        processor_ratio=processor["step"] / processor["floor"],
        passes_ms={
            name: 1e3 * statistics.median(values[warmup:])
            for name, values in floor.times.items()
        },
        peak_memory_mb=memory,
        operations={"step": operations._asdict(), "floor": bare._asdict()},
        calls_ratio=operations.calls / bare.calls,
        waits=operations.waits,
    )
    mmseg_step = TrainingStep.of_mmseg(cfg, batch, device)
    mmseg_step()
    result["waits_mmseg"] = count_waits(mmseg_step, device)
    if loader_seconds > 0:
        result["loading"] = measure_loading(
            cfg, tuple(images["labeled"].shape[-2:]), loader_seconds, workers
        )
    return result


def _device_name(device: str) -> str:
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return device
