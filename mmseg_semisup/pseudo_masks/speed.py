"""Compares the time of pseudo-masks with that of bare passes and encoding."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.core.figures import encode_labels
from mmseg_semisup.core.palette import full_palette
from mmseg_semisup.export.build import preprocess

from .generate import generate
from .images import Item, plan_batches
from .network import BatchPredictor
from .settings import MaskSettings


def measure_speed(
    predictor: BatchPredictor,
    items: Sequence[Item],
    folder: str | Path,
    settings: MaskSettings,
) -> str:
    """Measure the time of bare passes, and of the whole tool.

    The bare part consists of the forward passes of all batches, one after the other,
    with the images in memory and the classes at the network's own resolution as the
    only result; and of the encoding of all masks in memory.

    Args:
        predictor: The network.
        items: The images.
        folder: A temporary folder is made in it.
        settings: Settings of the masks.

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
    plan = plan_batches(items, settings.batch_size)
    _forward(predictor, [predictor.load(item) for item in plan[0]])
    forward = encoding = 0.0
    palette = full_palette(predictor.palette)
    for batch in plan:
        loaded = [predictor.load(item) for item in batch]
        begin = time.perf_counter()
        _forward(predictor, loaded)
        forward += time.perf_counter() - begin
        logits = predictor.logits(loaded)
        sizes = [image["data_samples"].ori_shape for image in loaded]
        labels = [predictor.label(logits, i, size) for i, size in enumerate(sizes)]
        masks = [each.classes.cpu().numpy() for each in labels]
        begin = time.perf_counter()
        for mask in masks:
            encode_labels(mask, palette)
        encoding += time.perf_counter() - begin
    with tempfile.TemporaryDirectory(dir=folder) as store:
        begin = time.perf_counter()
        generate(predictor, items, store, settings, "")
        whole = time.perf_counter() - begin
    rows = {
        "images": len(items),
        "batches": len(plan),
        "bare forward passes, s": f"{forward:.2f}",
        "bare encoding, s": f"{encoding:.2f}",
        "pseudo-masks as made, s": f"{whole:.2f}",
        "relative to bare": f"{whole / (forward + encoding):.3f}",
        "images a second": f"{len(items) / whole:.1f}",
    }
    return "\n".join(f"{name:<26}{value:>12}" for name, value in rows.items())


@torch.inference_mode()
def _forward(predictor: BatchPredictor, images: Sequence[dict[str, Any]]) -> None:
    model = predictor.model
    data = preprocess(model, images)
    if predictor.test_cfg["mode"] == "slide":
        metas = [sample.metainfo for sample in data["data_samples"]]
        model.slide_inference(data["inputs"], metas)
    else:
        model.decode_head(model.extract_feat(data["inputs"]))
    if data["inputs"].is_cuda:
        torch.cuda.synchronize()
