"""Exports a trained network as a plain MMSegmentation config and checkpoint."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS, Registry, init_default_scope
from mmseg.registry import DATASETS, MODELS, TRANSFORMS
from torch import Tensor

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.config_types import SCOPE_KEY, is_type, short_types, type_of
from mmseg_semisup.core.distributed import warn
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.original_shape import SetOriginalShape
from mmseg_semisup.datasets.sources import config_leaves
from mmseg_semisup.datasets.transform_kinds import loads_mask
from mmseg_semisup.engine.hooks.architecture_hook import check_state
from mmseg_semisup.models.data_preprocessor import KEY as PREPROCESSOR
from mmseg_semisup.models.data_preprocessor import (
    plain_preprocessor,
    prepared_model,
    training_preprocessor,
)
from mmseg_semisup.models.fused_segmentor import FusedSegmentor
from mmseg_semisup.models.losses import PixelCrossEntropy
from mmseg_semisup.models.network_names import STUDENT, check_network, state_prefix
from mmseg_semisup.version import __version__

PACKAGE = "mmseg_semisup"


class Exported(NamedTuple):
    """The result of :func:`export`.

    Attributes:
        config: Path of the config.
        checkpoint: Path of the checkpoint.
        own_parts: Types of this package that the config needs; without any, it works
            where this package is not installed.
    """

    config: Path
    checkpoint: Path
    own_parts: list[str]


def export(
    cfg: Config, checkpoint: dict[str, Any], out_dir: str | Path, network: str
) -> Exported:
    """Write one network of a training as a plain MMSegmentation model.

    Args:
        cfg: The config of the training.
        checkpoint: Its checkpoint, as loaded.
        out_dir: Folder for ``config.py`` and ``model.pth``.
        network: 'student', 'teacher', or the name of a further network.

    Returns:
        The files, and whether they need this package.

    Raises:
        ValueError: If config or checkpoint lack the network, or do not fit each other.
    """
    exported = plain_config(cfg, network)
    state = plain_state(checkpoint["state_dict"], network)
    init_default_scope("mmseg")
    check_state(MODELS.build(copy.deepcopy(exported.model)), state)
    meta = dict(
        dataset_meta=dataset_meta(checkpoint, cfg),
        exported_by=f"{PACKAGE} {__version__}",
        network=network,
        iter=checkpoint.get("meta", {}).get("iter"),
    )
    content = io.BytesIO()
    torch.save(dict(meta=meta, state_dict=state), content)
    out_dir = Path(out_dir)
    atomic_write(out_dir / "model.pth", content.getvalue())
    atomic_write(out_dir / "config.py", exported.pretty_text.encode())
    own_parts = sorted(_own_types(exported))
    return Exported(out_dir / "config.py", out_dir / "model.pth", own_parts)


def plain_config(cfg: Config, network: str = STUDENT) -> Config:
    """The config of the segmentor alone, ready for ``mmseg.apis``.

    Args:
        cfg: Config with a ``SemiSegmentor`` or a plain segmentor.
        network: Name of the network.

    Returns:
        Config with model, test pipeline and visualizer.
    """
    model = plain_model(cfg, network)
    pipeline = test_pipeline(cfg)
    content = dict(
        default_scope="mmseg",
        model=model,
        test_pipeline=pipeline,
        test_dataloader=dict(
            batch_size=1, dataset=dict(type="BaseSegDataset", pipeline=pipeline)
        ),
        visualizer=dict(
            type="SegLocalVisualizer",
            vis_backends=[dict(type="LocalVisBackend")],
            name="visualizer",
        ),
    )
    imports = _needed_imports(cfg, content)
    if imports:
        content["custom_imports"] = dict(imports=imports, allow_failed_imports=False)
    return Config(content)


def plain_model(cfg: Config, network: str = STUDENT) -> dict[str, Any]:
    """The config of the segmentor alone, with MMSegmentation's data preprocessor.

    Args:
        cfg: Config with a ``SemiSegmentor`` or a plain segmentor.
        network: Name of the network, which may have a segmentor of its own.

    Raises:
        ConfigError: If the model has no such network.
    """
    model = prepared_model(cfg)
    check_network(network, model, "network")
    if is_fused(model):
        return short_types(_plain_parts(without_part_checkpoints(model)), MODELS)
    given = None
    if "segmentor" in model:
        further = (model.get("networks") or {}).get(network) or {}
        given, student = model.get(PREPROCESSOR), model["segmentor"]
        model = further.get("segmentor") or student
        model.setdefault(PREPROCESSOR, student.get(PREPROCESSOR))
    preprocessor = training_preprocessor(model.get(PREPROCESSOR), given)
    model[PREPROCESSOR] = plain_preprocessor(preprocessor)
    return short_types(_plain_parts(model), MODELS)


def is_fused(model: Mapping[str, Any]) -> bool:
    """Whether a model's config is of a segmentor with a classifier."""
    return is_type(model, MODELS, FusedSegmentor)


def without_part_checkpoints(model: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a ``FusedSegmentor`` that loads no weights when it is built."""
    return {**model, "segmentor_checkpoint": None, "classifier_checkpoint": None}


def fused_checkpoint(cfg: Config) -> dict[str, Any]:
    """The weights of a ``FusedSegmentor`` whose config names its parts' checkpoints.

    Args:
        cfg: Config with the model and its test data.

    Returns:
        A checkpoint in the form of a loaded one.

    Raises:
        ConfigError: If a part has no checkpoint, or the checkpoints do not fit.
    """
    for key in ("segmentor_checkpoint", "classifier_checkpoint"):
        if not (is_fused(cfg.model) and cfg.model.get(key)):
            raise ConfigError(
                f"give a checkpoint, or a FusedSegmentor with model.{key}"
            )
    init_default_scope("mmseg")
    try:
        model = MODELS.build(ConfigDict(prepared_model(cfg)))
    except ValueError as error:
        raise ConfigError(str(error)) from error
    dataset = type_of(config_leaves(cfg.test_dataloader.dataset)[0], DATASETS)
    meta = {"classes": model.classes, "palette": dataset.METAINFO.get("palette")}
    return {"state_dict": model.state_dict(), "meta": {"dataset_meta": meta}}


def test_pipeline(cfg: Config) -> list[dict[str, Any]]:
    """The transforms from an image file to the model, without those for scoring.

    The pipeline is that of the tested data, as in ``tools/test.py``. The variable
    ``test_pipeline``, which MMEngine never reads, is used only without test data; one
    that differs from the tested pipeline gives a warning.

    Args:
        cfg: Config with a ``test_dataloader`` or ``test_pipeline``.

    Raises:
        ConfigError: If it has neither, or its test data has several pipelines.
    """
    written = cfg.get("test_pipeline")
    dataset = (cfg.get("test_dataloader") or {}).get("dataset")
    leaves = config_leaves(dataset) if dataset else []
    tested = [leaf.get("pipeline") for leaf in leaves]
    if not any(tested):
        if written is None:
            raise ConfigError("the config has no test_dataloader and no test_pipeline")
        return _from_file_to_model(written)
    steps, *others = (_from_file_to_model(pipeline or ()) for pipeline in tested)
    if any(other != steps for other in others):
        raise ConfigError(
            "test_dataloader: its data sets have different pipelines, so there is no "
            "single one to predict with"
        )
    if written is not None and _from_file_to_model(written) != steps:
        warn(
            "test_pipeline is not used, for it differs from the pipeline of "
            "test_dataloader, which is tested"
        )
    return steps


def _from_file_to_model(pipeline: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A pipeline without transforms for masks, each type under its shortest name."""
    steps = [
        {k: v for k, v in step.items() if k != SCOPE_KEY}
        for step in pipeline
        if not (loads_mask(step) or is_type(step, TRANSFORMS, SetOriginalShape))
    ]
    return short_types(steps, TRANSFORMS)


def plain_state(state_dict: dict[str, Tensor], network: str) -> dict[str, Tensor]:
    """The weights of one network under the names of a plain segmentor.

    Args:
        state_dict: Weights of a ``SemiSegmentor``, a plain segmentor, or a
            ``FusedSegmentor``, which keep their names.
        network: 'student', 'teacher', or the name of a further network.

    Raises:
        ConfigError: If there is no such network.
    """
    if any(name.startswith("classifier.") for name in state_dict):
        return dict(state_dict)
    prefix = state_prefix(network)
    state = {
        name[len(prefix) :]: value
        for name, value in state_dict.items()
        if name.startswith(prefix)
    }
    if state:
        return state
    if network == STUDENT and any(n.startswith("backbone.") for n in state_dict):
        return dict(state_dict)
    raise ConfigError(
        f"the checkpoint has no {network}: no weight's name begins with {prefix!r}"
    )


def dataset_meta(checkpoint: Mapping[str, Any], cfg: Config) -> dict[str, list[Any]]:
    """Names and colours of the classes as plain lists.

    Args:
        checkpoint: A checkpoint whose ``meta`` may hold them.
        cfg: Config whose test dataset may hold them.

    Raises:
        ConfigError: If neither does.
    """
    meta = checkpoint.get("meta", {}).get("dataset_meta") or {}
    if not meta.get("classes"):
        dataset = (cfg.get("test_dataloader") or {}).get("dataset", {})
        meta = config_leaves(dataset)[0].get("metainfo") or {}
    if not meta.get("classes"):
        raise ConfigError(
            "neither the checkpoint (meta.dataset_meta) nor the config "
            "(test_dataloader.dataset.metainfo) names the classes"
        )
    palette = meta.get("palette") or []
    return dict(
        classes=[str(name) for name in meta["classes"]],
        palette=[[int(value) for value in colour] for colour in palette],
    )


def _plain_parts(node: Any) -> Any:
    """Replace our loss by MMSegmentation's, and drop the sources of initial weights."""
    if isinstance(node, (list, tuple)):
        return type(node)(_plain_parts(item) for item in node)
    if not isinstance(node, dict):
        return node
    node = {key: _plain_parts(value) for key, value in node.items()}
    node.pop("pretrained", None)
    init_cfg = node.get("init_cfg")
    if is_type(init_cfg, WEIGHT_INITIALIZERS, PretrainedInit):
        node["init_cfg"] = None
    elif isinstance(init_cfg, (list, tuple)):
        node["init_cfg"] = [
            part
            for part in init_cfg
            if not is_type(part, WEIGHT_INITIALIZERS, PretrainedInit)
        ]
    if type_of(node, MODELS) is PixelCrossEntropy:
        # MMSegmentation's loss computes the same value.
        node.update(type="CrossEntropyLoss", use_sigmoid=False, avg_non_ignore=True)
    return node


def _types(node: Any, registry: Registry) -> Iterator[type]:
    if isinstance(node, dict):
        found = type_of(node, registry)
        if isinstance(found, type):
            yield found
        for value in node.values():
            yield from _types(value, registry)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _types(value, registry)


def _all_types(content: dict[str, Any]) -> Iterator[type]:
    yield from _types(content["model"], MODELS)
    yield from _types(content["test_pipeline"], TRANSFORMS)


def _own_types(content: dict[str, Any]) -> set[str]:
    classes = _all_types(content)
    return {cls.__name__ for cls in classes if cls.__module__.split(".")[0] == PACKAGE}


def _needed_imports(cfg: Config, content: dict[str, Any]) -> list[str]:
    roots = {cls.__module__.split(".")[0] for cls in _all_types(content)}
    imports = (cfg.get("custom_imports") or {}).get("imports", [])
    imports = [imports] if isinstance(imports, str) else list(imports)
    needed = [name for name in imports if name.split(".")[0] in roots]
    if PACKAGE in roots and PACKAGE not in needed:
        needed.append(PACKAGE)
    return needed
