"""Composes the trainings of a study, and checks that they can be compared."""

from __future__ import annotations

import copy
import pprint
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mmengine.config import Config

from mmseg_semisup.composition import read_config
from mmseg_semisup.composition.length import scaled_schedule
from mmseg_semisup.composition.training import predicting_network
from mmseg_semisup.core.config import find_config
from mmseg_semisup.core.config_file import read_file
from mmseg_semisup.core.errors import ConfigError, DataError
from mmseg_semisup.core.fingerprint import differences, fingerprint_of_start, to_plain
from mmseg_semisup.core.text import shorten
from mmseg_semisup.datasets.sources import build_source, with_pipeline
from mmseg_semisup.stages import has_stages, split_stages

from .plan import ALL_MASKS, SEED, Method, Study, cell_name

NOTED = (
    "model.segmentor",
    "optim_wrapper.segmentor",
    "param_scheduler",
    "train_dataloader.sampler.rare_classes",
)
"""What methods may have otherwise than the baseline, and a note says so."""

FORM = {
    "name": str,
    "method": str,
    "split": str,
    "seed": int,
    "iterations": int,
    "stages": [str],
    "masks": int,
}
"""Form of :meth:`Cell.to_plain`, see :mod:`~mmseg_semisup.core.records`."""


@dataclass(frozen=True)
class Cell:
    """A training of a study.

    Attributes:
        name: Its name, and that of its folder.
        method: Name of its method.
        split: Name of its list of labelled images.
        seed: Its seed.
        cfg: Its config.
        iterations: Iterations of all of its stages.
        stages: Names of its stages that train; empty: it has none.
        masks: Number of labelled images.
    """

    name: str
    method: str
    split: str
    seed: int
    cfg: Config
    iterations: int
    stages: tuple[str, ...]
    masks: int

    def to_plain(self) -> dict[str, Any]:
        """All but the config, for JSON."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name != "cfg"
        }

    @classmethod
    def from_plain(cls, content: Mapping[str, Any], cfg: Config) -> Cell:
        """The cell of :meth:`to_plain`."""
        given = {key: content[key] for key in FORM}
        return cls(cfg=cfg, **{**given, "stages": tuple(content["stages"])})

    @property
    def predicts(self) -> str:
        """Network whose score is the headline."""
        return predicting_network(_last(self.cfg).get("model") or {})

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What its result depends on."""
        content = self.cfg._cfg_dict.to_dict()
        content.pop("composed", None)
        return fingerprint_of_start(content)


def make_cells(study: Study) -> list[Cell]:
    """Compose all trainings of a study.

    Raises:
        ConfigError: If one cannot be composed; the message names it.
    """
    composed: dict[tuple[str, str | None, bool], tuple[Config, tuple[Any, ...]]] = {}
    cells = []
    for method, split, seed in study.cells():
        name = cell_name(method, split, seed)
        listed = None if split == ALL_MASKS else study.splits[split]
        listed = listed and listed.replace(SEED, str(seed))
        key = (method, listed, split == ALL_MASKS)
        try:
            if key not in composed:
                cfg = compose_cell(study, study.methods[method], *key[1:])
                composed[key] = (cfg, _size(cfg))
        except (ConfigError, DataError) as error:
            raise ConfigError(f"cell {name}: {error}") from error
        cfg = copy.deepcopy(composed[key][0])
        cfg.randomness = {**(cfg.get("randomness") or {}), "seed": seed}
        cells.append(Cell(name, method, split, seed, cfg, *composed[key][1]))
    return cells


def compose_cell(
    study: Study, method: Method, labeled: str | None, all_masks: bool
) -> Config:
    """Compose a training.

    Args:
        study: The study.
        method: Its method.
        labeled: List of labelled images; None: the config's.
        all_masks: Whether all training images are labelled.

    Returns:
        The full config, without a seed.

    Raises:
        ConfigError: If the parts do not fit.
    """
    config = method.config or study.config
    plain = read_file(find_config(config))
    options = _length(plain, study.iterations, method.length)
    if all_masks and plain.get("labeled") is not None:
        options["labeled"] = None
    cfg, _ = read_config(config, options, method=method.block, labeled=labeled)
    return cfg


def _length(
    plain: Mapping[str, Any], iterations: int | None, length: float
) -> dict[str, Any]:
    """Changes of a config that give it another length, schedule and all."""
    train = plain.get("train_cfg") or {}
    before = train.get("max_iters")
    if iterations is None and length == 1:
        return {}
    if not before:
        raise ConfigError(
            "iterations: the config counts epochs, so its length stays; leave out "
            "`iterations` and `length`"
        )
    after = round((iterations or before) * length)
    share = after / before
    interval = max(1, round(train.get("val_interval", before) * share))
    options: dict[str, Any] = {
        "train_cfg.max_iters": after,
        "train_cfg.val_interval": interval,
    }
    if plain.get("param_scheduler"):
        options["param_scheduler"] = scaled_schedule(plain["param_scheduler"], share)
    if (plain.get("default_hooks") or {}).get("checkpoint"):
        options["default_hooks.checkpoint.interval"] = interval
    return options


def _size(cfg: Config) -> tuple[int, tuple[str, ...], int]:
    """Iterations, names of the training stages, and number of labelled images."""
    stages = {"": cfg}
    if has_stages(cfg):
        trained = [s for s in split_stages(cfg) if s.task == "train"]
        stages = {stage.name: stage.cfg for stage in trained}
    iterations = 0
    for stage in stages.values():
        length = (stage.get("train_cfg") or {}).get("max_iters")
        if not length:
            raise ConfigError("train_cfg counts epochs; a study needs max_iters")
        iterations += length
    first = next(iter(stages.values()))
    source = with_pipeline(_labeled(first), [])
    names = tuple(name for name in stages if name)
    return iterations, names, len(build_source("labeled", source))


def _labeled(cfg: Config) -> Mapping[str, Any]:
    """The labelled source of a training."""
    dataset: Mapping[str, Any] = cfg.train_dataloader.dataset
    sources = dataset.get("sources")
    return dataset if sources is None else sources["labeled"]


def _last(cfg: Config) -> Config:
    """The training whose scores count."""
    if not has_stages(cfg):
        return cfg
    return [stage.cfg for stage in split_stages(cfg) if stage.task == "train"][-1]


def config_text(cfg: Config) -> str:
    """Text of a config without bases; ``Config.pretty_text`` takes seconds."""
    items = cfg.to_dict().items()
    lines = [
        f"{key} = {pprint.pformat(value, sort_dicts=False)}" for key, value in items
    ]
    return "\n".join(lines) + "\n"


def check_fair(cells: Sequence[Cell], baselines: Sequence[str]) -> list[str]:
    """Compare every training with the baseline of its split and seed.

    With one seed, ``SourceSampler`` deals the same labelled images, with the same
    random augmentation, to all methods: their keys depend on seed, source and ordinal,
    and on ``rare_classes``, of which a note tells.

    Args:
        cells: All trainings.
        baselines: Names of the baselines; the first one is compared with.

    Returns:
        Sentences on what else differs.

    Raises:
        ConfigError: If a training has other labelled images, more or fewer of them in
            a step, or other validation images than the baseline.
    """
    known = {(c.split, c.seed): c for c in cells if c.method == baselines[0]}
    notes: dict[str, None] = {}
    for cell in cells:
        base = known[cell.split, cell.seed]
        if cell is base:
            continue
        if has_stages(cell.cfg):
            notes[f"`{cell.method}` trains in stages: {', '.join(cell.stages)}"] = None
        else:
            _check(cell, base)
            notes.update(dict.fromkeys(_notes(cell, base)))
    return list(notes)


def _check(cell: Cell, base: Cell) -> None:
    for what, part in (
        ("labelled images", _labelled_images),
        ("labelled images in a step", _labelled_batch),
        ("validation images", lambda cfg: cfg.val_dataloader.dataset),
    ):
        pair = [to_plain(part(one.cfg)) for one in (base, cell)]
        changes = [str(change).lstrip(":") for change in differences(*pair)]
        if changes:
            raise ConfigError(
                f"cell {cell.name} has other {what} than {base.name}, so they cannot "
                f"be compared: {shorten(changes, 3)}"
            )


def _labelled_images(cfg: Config) -> Any:
    return with_pipeline(_labeled(cfg), [])


def _labelled_batch(cfg: Config) -> dict[str, Any]:
    """Labelled images of a step, and what deals them."""
    loader = cfg.train_dataloader
    ratio = (loader.get("sampler") or {}).get("ratio") or {"labeled": 1}
    size = loader.batch_size * ratio["labeled"] / sum(ratio.values())
    return {"size": size, "sampler": (loader.get("sampler") or {}).get("type")}


def _notes(cell: Cell, base: Cell) -> Iterator[str]:
    pair = [_labeled(one.cfg).get("pipeline") for one in (base, cell)]
    if to_plain(pair[0]) != to_plain(pair[1]):
        yield f"`{cell.method}` has transforms of labelled images of its own"
    for path in NOTED:
        before, after = (to_plain(_at(one.cfg, path)) for one in (base, cell))
        if cell.iterations == base.iterations and before != after:
            changes = [str(change) for change in differences(before, after, path)]
            yield f"`{cell.method}` has another {path}: {shorten(changes, 2)}"


def _at(node: Any, path: str) -> Any:
    for part in path.split("."):
        node = (node or {}).get(part)
    return node
