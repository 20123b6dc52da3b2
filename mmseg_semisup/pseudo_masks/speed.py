"""The time that pseudo-masks take, beside that of bare forward passes and encoding."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import StoreError

from .generate import generate
from .images import Item, list_items, plan_batches
from .network import BatchPredictor, Loaded
from .png import encode_png, full_palette
from .settings import Settings


def measure_speed(
    cfg: Config,
    checkpoint: str | Path,
    folder: str | Path,
    settings: Settings,
    data_cfg: Config | None = None,
    items: Sequence[Item] | None = None,
    device: str | torch.device = "cpu",
    trust: bool = False,
) -> str:
    """Make all masks twice: bare, and as the tool does.

    Bare is: all batches of the same sizes forward through the network, one after the
    other, the images in memory and nothing else of the result than its classes at the
    network's own resolution; then all masks encoded one after the other in memory.

    Args:
        cfg: The network's config.
        checkpoint: Its checkpoint.
        folder: A folder below it is written and removed again.
        settings: How masks are made.
        data_cfg: As for ``make_pseudo_masks``.
        items: As for ``make_pseudo_masks``.
        device: Where the network runs.
        trust: As for ``make_pseudo_masks``.

    Returns:
        The figures as text.

    Raises:
        StoreError: If there are several processes.
    """
    if get_world_size() > 1:
        raise StoreError(
            f"--measure-speed measures one process, and there are {get_world_size()}; "
            "leave --launcher out"
        )
    state = load_checkpoint_file(checkpoint, trust=trust)
    predictor = BatchPredictor(cfg, state, settings, device)
    if items is None:
        items, _ = list_items(data_cfg or cfg, settings.sources)
    plan = plan_batches(items, settings.batch_size)
    _forward(predictor, [predictor.load(item.image) for item in plan[0]])
    forward = encoding = 0.0
    palette = full_palette(predictor.palette)
    for batch in plan:
        loaded = [predictor.load(item.image) for item in batch]
        begin = time.perf_counter()
        _forward(predictor, loaded)
        forward += time.perf_counter() - begin
        logits = predictor.logits(loaded)
        masks = [
            predictor.label(logits, i, image.sample.ori_shape).classes.cpu().numpy()
            for i, image in enumerate(loaded)
        ]
        begin = time.perf_counter()
        for mask in masks:
            encode_png(mask, palette)
        encoding += time.perf_counter() - begin
    with tempfile.TemporaryDirectory(dir=folder) as store:
        begin = time.perf_counter()
        generate(predictor, items, store, settings, "")
        whole = time.perf_counter() - begin
    rows: list[tuple[str, Any]] = [
        ("images", len(items)),
        ("batches", len(plan)),
        ("bare forward passes, s", f"{forward:.2f}"),
        ("bare encoding, s", f"{encoding:.2f}"),
        ("pseudo-masks as made, s", f"{whole:.2f}"),
        ("relative to bare", f"{whole / (forward + encoding):.3f}"),
        ("images a second", f"{len(items) / whole:.1f}"),
    ]
    return "\n".join(f"{name:<26}{value:>12}" for name, value in rows)


@torch.inference_mode()
def _forward(predictor: BatchPredictor, images: Sequence[Loaded]) -> None:
    batch = {
        "inputs": [loaded.image for loaded in images],
        "data_samples": [loaded.sample for loaded in images],
    }
    model = predictor.model
    data = model.data_preprocessor(batch, training=False)
    metas = [sample.metainfo for sample in data["data_samples"]]
    if predictor.test_cfg["mode"] == "slide":
        model.slide_inference(data["inputs"], metas)
    else:
        model.decode_head(model.extract_feat(data["inputs"]))
    if data["inputs"].is_cuda:
        torch.cuda.synchronize()
