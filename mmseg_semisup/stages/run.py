"""Runs the stages of a config in order, and continues an interrupted run."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS

from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.config_types import is_type
from mmseg_semisup.core.distributed import on_main, warn
from mmseg_semisup.core.errors import ConfigError, DataError
from mmseg_semisup.core.find_checkpoint import find_last_checkpoint
from mmseg_semisup.datasets import WeakLabelDataset
from mmseg_semisup.datasets.sources import build_source, split_exclude
from mmseg_semisup.dry_run import train
from mmseg_semisup.engine.preemption import PreemptedError, requests
from mmseg_semisup.engine.progress_log import is_class_score
from mmseg_semisup.engine.resume import set_checkpoint
from mmseg_semisup.engine.runner import build_runner, set_precision
from mmseg_semisup.models.data_preprocessor import prepared_model
from mmseg_semisup.pseudo_masks.cams import CamSettings
from mmseg_semisup.pseudo_masks.images import Item, training_sources
from mmseg_semisup.pseudo_masks.make import file_hash, make_pseudo_masks
from mmseg_semisup.pseudo_masks.quality import read_quality, to_text
from mmseg_semisup.pseudo_masks.reliability import reliable_items, remaining_items
from mmseg_semisup.pseudo_masks.settings import Settings
from mmseg_semisup.report.page import REPORT

from .evaluate import evaluate, read_metrics
from .plan import STORE, Stage, split_stages, without_checkpoints
from .record import Record
from .report import write_stages_report

ODD_SIZE = (75, 97)
"""Height and width, in pixels, of an image that no stride divides."""


def train_stages(
    cfg: Config,
    load_from: str | None = None,
    trust: bool = False,
    mixed_precision: bool = False,
    dry_run: str = "first",
    accept: str | None = None,
) -> None:
    """Train or evaluate all stages that are not finished; all processes call this.

    Each stage has the folder ``WORK_DIR/NAME``; ``WORK_DIR/stages.json`` lists the
    finished ones. An interrupted stage continues from its last checkpoint, interrupted
    masks from the first missing one.

    Args:
        cfg: Config with ``stages`` and ``work_dir``, ready for the launcher.
        load_from: First weights of every stage, in place of the config's.
        trust: Whether checkpoints may execute code while they are read.
        mixed_precision: Whether all trainings run in mixed precision.
        dry_run: Of each training, as in :func:`mmseg_semisup.dry_run.train`; 'only':
            the first stage that is not finished, and no training.
        accept: Which changes of the config a stage that has begun accepts, as in
            :func:`~mmseg_semisup.engine.runner.build_runner`.

    Raises:
        ConfigError: If a config cannot be used, or has changed since a stage began.
        StoreError: If pseudo-masks cannot be made.
    """
    stages = split_stages(cfg)
    for stage in stages:
        if stage.task == "train":
            if load_from is not None:
                stage.cfg.load_from = load_from
            if mixed_precision:
                set_precision(stage.cfg)
    work_dir = Path(cfg.work_dir)
    record = Record(work_dir)
    on_main(lambda: record.check(stages, accept is not None))
    on_main(lambda: check_image_labels(stages))
    on_main(lambda: _try_models([s for s in stages if not record.is_finished(s.name)]))
    on_main(lambda: check_map_sizes(stages))
    for index, stage in enumerate(stages):
        if record.is_finished(stage.name):
            _say(f"stage {stage.name} is finished")
            continue
        _say(f"stage {stage.name}, {index + 1} of {len(stages)}")
        if dry_run == "only":
            _rehearse(stage, record, trust, accept)
            return
        _run_stage(stages, index, record, trust, dry_run, accept)
        _report(work_dir)
        if stage is not stages[-1]:
            _leave_if_told(stage.name)
    for stage in stages:
        if stage.task == "evaluate":
            metrics = read_metrics(work_dir / stage.name)
            means = {k: v for k, v in metrics.items() if not is_class_score(k)}
            found = ", ".join(f"{key} {value:.2f}" for key, value in means.items())
            _say(f"{stage.name}: {found}")
    last = stages[-1]
    path, _ = record.checkpoint(last.name, "last")
    _say(
        f"all {len(stages)} stages are finished; the last checkpoint is {path}, the "
        f"report {work_dir / REPORT}"
    )


def _report(work_dir: Path) -> None:
    """Write the report of all stages, or say in a line why that is not possible."""
    if not is_main_process():
        return
    try:
        write_stages_report(work_dir)
    except Exception as error:
        warn(f"no report of the stages is written: {type(error).__name__}: {error}")


def check_image_labels(stages: Sequence[Stage]) -> None:
    """Read the image labels of all stages: a late one would fail after long trainings.

    Args:
        stages: The stages.

    Raises:
        ConfigError: If a file is missing, or its labels do not fit.
    """
    for stage in stages:
        sources = training_sources(stage.cfg) if stage.task == "train" else {}
        for name, source in sources.items():
            if source is None or not is_type(source, DATASETS, WeakLabelDataset):
                continue
            try:
                build_source(name, {**split_exclude(source)[0], "pipeline": []})
            except DataError as error:
                raise ConfigError(f"stages: {stage.name}: {error}") from error


def check_map_sizes(stages: Sequence[Stage]) -> None:
    """Try a size of images on classifiers whose activation maps are made later.

    Args:
        stages: The stages; their models can be built.

    Raises:
        ConfigError: If a backbone takes certain sizes only, as mmseg's ``UNet``.
    """
    for before, stage in pairwise(stages):
        if not isinstance(stage.masks, CamSettings):
            continue
        init_default_scope(before.cfg.get("default_scope", "mmseg"))
        model = MODELS.build(prepared_model(without_checkpoints(before.cfg))).eval()
        classifier = model.network("student")
        try:
            with torch.no_grad():
                classifier.features(torch.zeros(1, 3, *ODD_SIZE))
        except (AssertionError, RuntimeError, ValueError) as error:
            name = type(classifier.backbone).__name__
            reason = str(error).partition("\n")[0]
            raise ConfigError(
                f"stages: {stage.name}: activation maps are made of images of any size,"
                f" and the backbone {name} cannot run on {ODD_SIZE[0]}x{ODD_SIZE[1]} "
                f"pixels: {reason}"
            ) from error


def _try_models(stages: Sequence[Stage]) -> None:
    """Build each model once, and raise ConfigError if one cannot be built."""
    for stage in stages:
        init_default_scope(stage.cfg.get("default_scope", "mmseg"))
        try:
            MODELS.build(prepared_model(without_checkpoints(stage.cfg)))
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"stages: {stage.name}: {error}") from error


def _run_stage(
    stages: Sequence[Stage],
    index: int,
    record: Record,
    trust: bool,
    dry_run: str,
    accept: str | None,
) -> None:
    stage = stages[index]
    used = {pair: record.checkpoint(*pair) for pair in stage.checkpoints}
    on_main(lambda: _check_hashes(used.values()))
    cfg = stage.runnable(record.work_dir, {k: path for k, (path, _) in used.items()})
    on_main(lambda: check_writable(cfg.work_dir))
    uses = [(*pair, digest) for pair, (_, digest) in used.items()]
    if stage.masks is None:
        record.begin(stage, None, uses)
    else:
        before = stages[index - 1]
        checkpoint, learned_from = record.checkpoint(
            before.name, stage.masks.checkpoint
        )
        on_main(lambda: _check_hashes([(checkpoint, learned_from)]))
        record.begin(stage, learned_from, uses)
        items = _items_to_label(stage, before, record, trust)
        source = (before, checkpoint, learned_from)
        make_masks(stage, stage.masks, *source, cfg, trust, items)
    if stage.task == "evaluate":
        checkpoints = {"last": evaluate(cfg)}
    else:
        checkpoints = _train(cfg, trust, dry_run, accept)
    # Workers, networks and optimizers of the finished stage.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    folder = Path(cfg.work_dir)
    hashes = on_main(lambda: {k: file_hash(folder / v) for k, v in checkpoints.items()})
    record.finish(stage.name, checkpoints, hashes)


def _items_to_label(
    stage: Stage, before: Stage, record: Record, trust: bool
) -> list[Item] | None:
    """The images that a stage's settings choose; None: all of their sources."""
    masks = stage.masks
    if not isinstance(masks, Settings):
        return None
    if masks.rest_of is not None:
        store = record.work_dir / masks.rest_of / STORE
        return remaining_items(stage.data_cfg, masks.sources, store)
    if not masks.judges:
        return None
    checkpoint, digest = record.checkpoint(before.name, "last")
    on_main(lambda: _check_hashes([(checkpoint, digest)]))
    return reliable_items(
        before.cfg,
        checkpoint,
        record.work_dir / stage.name,
        masks,
        stage.data_cfg,
        digest,
        device=get_device(),
        trust=trust,
        report=_say,
    )


def _rehearse(stage: Stage, record: Record, trust: bool, accept: str | None) -> None:
    """Run the dry run of a stage alone, which begins nothing in the record.

    Raises:
        ConfigError: If the stage does not begin with a training.
    """
    if stage.task == "evaluate" or stage.masks is not None:
        first = "pseudo-masks" if stage.masks is not None else "an evaluation"
        raise ConfigError(
            f"--dry-run: the stage {stage.name} begins with {first}, of which there is "
            "no dry run"
        )
    used = {pair: record.checkpoint(*pair)[0] for pair in stage.checkpoints}
    cfg = stage.runnable(record.work_dir, used)
    set_checkpoint(cfg, "auto", trust=trust)
    train(build_runner(cfg, cfg.resume, accept), "only")


def _leave_if_told(name: str) -> None:
    """Raise PreemptedError for a signal that arrived after a training's last check."""
    number = max(all_gather_object(requests.number))
    if number:
        message = f"stopped after stage {name}; the same command goes on"
        raise PreemptedError(number, message, together=True)


def _train(
    cfg: Config, trust: bool, dry_run: str, accept: str | None
) -> dict[str, str]:
    """Train, or continue a training; returns the names of its checkpoints."""
    set_checkpoint(cfg, "auto", trust=trust)
    runner = build_runner(cfg, cfg.resume, accept)
    train(runner, dry_run)
    return on_main(lambda: _checkpoints(runner))


def _check_hashes(used: Iterable[tuple[Path, str]]) -> None:
    """Raise ConfigError if a checkpoint has changed since its stage finished."""
    for path, digest in used:
        if file_hash(path) != digest:
            raise ConfigError(
                f"{path} has changed since its stage was finished; remove its folder "
                "to train the stage again"
            )


def make_masks(
    stage: Stage,
    masks: Settings | CamSettings,
    before: Stage,
    checkpoint: Path,
    checkpoint_hash: str,
    cfg: Config,
    trust: bool,
    items: Sequence[Item] | None = None,
) -> None:
    """Make a stage's pseudo-masks, except those that exist.

    Args:
        stage: The stage that learns from them.
        masks: Settings of its pseudo-masks.
        before: The stage whose network makes them.
        checkpoint: Checkpoint of that stage.
        checkpoint_hash: Its SHA-256.
        cfg: The stage's runnable config.
        trust: Whether the checkpoint may execute code while it is read.
        items: The images; None: all of the settings' sources.

    Raises:
        ConfigError: If the checkpoint has changed since that stage finished.
        StoreError: If masks cannot be made.
    """
    folder = Path(cfg.work_dir) / STORE
    begin = time.perf_counter()
    manifest = make_pseudo_masks(
        before.cfg,
        checkpoint,
        folder,
        masks,
        data_cfg=stage.data_cfg,
        items=items,
        device=get_device(),
        trust=trust,
        report=_say,
        expected_hash=checkpoint_hash,
    )
    if is_main_process():
        _say(
            f"{len(manifest['images'])} pseudo-masks in {folder} "
            f"({time.perf_counter() - begin:.0f} s)\n{to_text(read_quality(folder))}"
        )


def _checkpoints(runner: Runner) -> dict[str, str]:
    """Names of the last and the best checkpoint in the runner's folder."""
    folder = Path(runner.work_dir)
    last = find_last_checkpoint(folder)
    if last is None:
        raise ConfigError(f"no checkpoint in {folder}; masks of it cannot be made")
    found = {"last": last.name}
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook):
            paths = getattr(hook, "best_ckpt_path_dict", None) or {}
            best = getattr(hook, "best_ckpt_path", None) or next(
                (path for path in paths.values() if path), None
            )
            if best and (folder / Path(best).name).is_file():
                found["best"] = Path(best).name
    return found


def _say(text: str) -> None:
    if is_main_process():
        print(text, flush=True)
