"""What the records of a training say of a network, for its model card."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmseg_semisup.composition import COMPOSED
from mmseg_semisup.core.errors import ConfigError, DataError
from mmseg_semisup.core.text import compare_names
from mmseg_semisup.datasets.sources import build_source
from mmseg_semisup.export.plain_model import dataset_meta
from mmseg_semisup.models.network_names import STUDENT, mean_name, predicting_names
from mmseg_semisup.report.facts import FILE, read_facts
from mmseg_semisup.report.facts import Facts as Report
from mmseg_semisup.report.log import read_log
from mmseg_semisup.study.gains import Row

from .seeds import find_row

LICENCES = {
    "dinov2": "apache-2.0",
    "dinov3": "other",
    "efficientnet_lite": "apache-2.0",
}
"""Parts of names of first weights, and the licence that their publishers state, as the
hub's identifiers: github.com/facebookresearch/dinov2 and dinov3 (the DINOv3 License),
github.com/RangiLyu/EfficientNet-Lite."""


@dataclass
class Source:
    """Images of a training.

    Attributes:
        name: Name of the source, such as 'labeled'.
        dataset: Name of its folder or class.
        images: Their number; None if the images are not on this machine.
    """

    name: str
    dataset: str
    images: int | None


@dataclass
class Facts:
    """What is known of a network.

    Attributes:
        network: Its name in the training.
        classes: Names of the classes.
        architecture: Types of segmentor, backbone and head.
        method: Name of the method, or of its objectives.
        sources: The images that it was trained with.
        validation: The images that the scores are of; None: there are none.
        iteration: Iterations of the published weights, or None.
        iterations: Iterations of the whole training, or None.
        seed: Seed of the training, or None.
        scores: Iteration to mIoU in percent.
        class_scores: Class to IoU in percent, of the last validation.
        started_from: First weights and their licences; '' where it is not known.
        report: What the training said of itself; empty if it wrote no report.
        study: The trainings of the same method with all seeds, if it is of a study.
    """

    network: str
    classes: list[str]
    architecture: list[str] = field(default_factory=list)
    method: str = ""
    sources: list[Source] = field(default_factory=list)
    validation: Source | None = None
    iteration: int | None = None
    iterations: int | None = None
    seed: int | None = None
    scores: dict[int, float] = field(default_factory=dict)
    class_scores: dict[str, float] = field(default_factory=dict)
    started_from: dict[str, str] = field(default_factory=dict)
    report: Report = field(default_factory=Report)
    study: Row | None = None

    @property
    def best(self) -> int | None:
        """The iteration of the best score, the first of equal ones."""
        return max(self.scores, key=self.scores.__getitem__, default=None)

    @property
    def last(self) -> int | None:
        """The iteration of the last score."""
        return max(self.scores, default=None)


def collect(
    cfg: Config, checkpoint: Mapping[str, Any], work_dir: Path, network: str
) -> Facts:
    """Read what config, checkpoint, logs and reports say of a network.

    Numbers of images are those of the report, which the training wrote; without one,
    the images are counted, if they are here.

    Args:
        cfg: Config of the training.
        checkpoint: Its checkpoint, as loaded.
        work_dir: Folder of the logs; without logs, there are no scores.
        network: Name of the network.

    Raises:
        ConfigError: If neither checkpoint nor config name the classes, or the report is
            of another training.
    """
    init_default_scope(cfg.get("default_scope", "mmseg"))
    meta = checkpoint.get("meta") or {}
    classes = list(dataset_meta(checkpoint, cfg)["classes"])
    report = read_facts(work_dir)
    if report.classes and report.classes != classes:
        raise ConfigError(
            f"{work_dir / FILE} is of another training: its classes differ from the "
            f"checkpoint's: {compare_names(report.classes, classes)}"
        )
    saved = str(meta.get("time") or "")
    if saved and saved < report.since:
        raise ConfigError(
            f"the checkpoint was saved at {saved}, before the training began that "
            f"{work_dir} has records of, at {report.since}; --work-dir DIR names the "
            "folder of its own"
        )
    log = read_log(work_dir, since=report.since)
    own = _scored_as(cfg, network, log.scores)
    seed = meta.get("seed", (cfg.get("randomness") or {}).get("seed"))
    return Facts(
        network=network,
        classes=classes,
        architecture=_architecture(cfg.model),
        method=report.method or _method(cfg),
        sources=_sources(cfg, report.data or {}),
        validation=_source(
            "validation",
            cfg.get("val_dataloader") or {},
            (report.data or {}).get("validated"),
        ),
        iteration=meta.get("iter"),
        iterations=(cfg.get("train_cfg") or {}).get("max_iters"),
        seed=seed if isinstance(seed, int) else None,
        scores=log.scores.get(own, {}),
        class_scores=log.classes.get(own, {}),
        started_from={name: licence_of(name) for name in first_weights(cfg.model)},
        report=report,
        study=find_row(work_dir, network),
    )


def _scored_as(cfg: Config, network: str, scores: Mapping[str, Any]) -> str:
    """The name under which a network's scores are in the log; '' if there are none.

    A loop that validates a single network does not name it.
    """
    unnamed = STUDENT if len(scores) > 1 else mean_name(predicting_names(cfg.model))
    if network == unnamed:
        return STUDENT
    return network if network in scores and network != STUDENT else ""


def first_weights(node: Any) -> list[str]:
    """Names of the pretrained weights in a model's config, without folders.

    Args:
        node: The config, or a part of it.
    """
    return list(dict.fromkeys(_first_weights(node)))


def _first_weights(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key in ("checkpoint", "pretrained", "weights"):
            value = node.get(key)
            if isinstance(value, str) and value:
                yield _without_folder(value)
        for value in node.values():
            yield from _first_weights(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _first_weights(value)


def _without_folder(path: str) -> str:
    """A name that says nothing of the machine's folders; addresses stay."""
    if "://" in path or re.fullmatch(r"[\w.-]+/[\w.-]+", path):
        return path
    return path.replace("\\", "/").rpartition("/")[2]


def licence_of(weights: str) -> str:
    """The hub's identifier of a licence, or '' if it is not known."""
    lowered = weights.lower()
    return next((v for k, v in LICENCES.items() if k in lowered), "")


def _architecture(model: Mapping[str, Any]) -> list[str]:
    segmentor = model.get("segmentor") or model
    heads = segmentor.get("decode_head") or {}
    head = heads[-1] if isinstance(heads, (list, tuple)) else heads
    parts = (segmentor, segmentor.get("backbone") or {}, head)
    found = [_type(part) for part in parts]
    arch = (segmentor.get("backbone") or {}).get("arch")
    if isinstance(arch, str) and found[1]:
        found[1] += f" ({arch})"
    return [name for name in found if name]


def _type(part: Mapping[str, Any]) -> str:
    kind = part.get("type", "")
    return getattr(kind, "__name__", str(kind)).rpartition(".")[2]


def _method(cfg: Config) -> str:
    source = (cfg.get(COMPOSED) or {}).get("source") or {}
    method = source.get("method") or cfg.get("method")
    methods = method if isinstance(method, (list, tuple)) else [method]
    if method and all(isinstance(name, str) for name in methods):
        return " and ".join(Path(name).stem for name in methods)
    objectives = cfg.model.get("objectives") or {}
    names = objectives if isinstance(objectives, Mapping) else map(_type, objectives)
    return ", ".join(map(str, names)) or "supervised training"


def _sources(cfg: Config, data: Mapping[str, Any]) -> list[Source]:
    loader = cfg.get("train_dataloader") or {}
    dataset = loader.get("dataset") or {}
    parts = dataset.get("sources") or {"labeled": dataset}
    known = {k: v["images"] for k, v in data.get("sources", {}).items()}
    found = (
        _source(name, {"dataset": part}, known.get(name))
        for name, part in parts.items()
        if part
    )
    return [source for source in found if source is not None]


def _source(name: str, loader: Mapping[str, Any], known: int | None) -> Source | None:
    dataset = loader.get("dataset")
    if not dataset:
        return None
    stores = dataset.get("store") or ""
    store = stores if isinstance(stores, str) else stores[-1]
    root = str(dataset.get("data_root") or store).rstrip("/")
    label = root.rpartition("/")[2] or _type(dataset)
    if known is not None:
        return Source(name, label, known)
    try:
        return Source(name, label, len(build_source(name, dataset)))
    except (DataError, KeyError):
        # A published network may be made where its images are not.
        return Source(name, label, None)
