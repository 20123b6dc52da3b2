"""A stage that tests a model and saves it as one file."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.distributed import on_main
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.records import MAYBE_NAN, RecordError, read_record
from mmseg_semisup.engine.runner import build_runner

MODEL = "model.pth"
METRICS = "metrics.json"


def evaluate(cfg: Config) -> str:
    """Test a config's model; all processes call this.

    ``metrics.json`` and ``model.pth``, all weights of the model with the names of its
    classes, are written into the work-dir.

    Args:
        cfg: Config of the stage.

    Returns:
        The name of the file with the weights.
    """
    cfg.resume = False
    runner = build_runner(cfg, strict=True)
    metrics = {key: float(value) for key, value in runner.test().items()}
    on_main(lambda: _write(runner, metrics))
    return MODEL


def read_metrics(folder: Path) -> dict[str, float]:
    """The metrics of a finished evaluation.

    Args:
        folder: Work-dir of the stage.

    Raises:
        ConfigError: If there are none, or the file has another form.
    """
    path = folder / METRICS
    try:
        return read_record(path, {str: MAYBE_NAN})
    except RecordError as error:
        raise ConfigError(
            f"{path} is no record of metrics: {error}; remove {folder} to evaluate "
            "again"
        ) from error


def _write(runner: Runner, metrics: dict[str, float]) -> None:
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    folder = Path(runner.work_dir)
    content = serialise(model, runner.test_dataloader.dataset.metainfo)
    atomic_write(folder / MODEL, content)
    atomic_write(folder / METRICS, json.dumps(metrics, indent=1).encode())


def serialise(model: torch.nn.Module, metainfo: Mapping[str, Any]) -> bytes:
    """Serialise a model as one checkpoint file.

    Args:
        model: The model.
        metainfo: Metainfo of a dataset, with ``classes`` and perhaps ``palette``.
    """
    meta = {key: metainfo.get(key) for key in ("classes", "palette")}
    state = {key: value.cpu() for key, value in model.state_dict().items()}
    content = io.BytesIO()
    torch.save({"meta": {"dataset_meta": meta}, "state_dict": state}, content)
    return content.getvalue()
