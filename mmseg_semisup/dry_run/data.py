"""The part of a dry run that needs no model: the data of a config."""

from __future__ import annotations

import copy
from collections.abc import Collection
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS

from mmseg_semisup.composition import COMPOSED
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.semi_dataset import SemiDataset

from .batch import draw_batch
from .picture import views_of_batch
from .report import Report
from .run import groups_of, save_picture
from .survey import survey


def inspect_data(cfg: Config, picture: Path, allow: Collection[str] = ()) -> Report:
    """Look at the data of a config, and draw the views of its first batch.

    Args:
        cfg: The config of a training.
        picture: The file to draw into, if the config has a sampler.
        allow: Kinds of problems that are only warned of.

    Raises:
        ConfigError: If a training must not begin with the data.
        ValueError: If the data cannot be built.
        RuntimeError: If an image of the batch cannot be used.
    """
    init_default_scope(cfg.get("default_scope", "mmseg"))
    loader_cfg = copy.deepcopy(cfg.train_dataloader)
    dataset = DATASETS.build(loader_cfg.dataset)
    validated = (cfg.get("val_dataloader") or {}).get("dataset")
    validation = DATASETS.build(validated) if validated else None
    found = survey(dataset, validation, allow)
    if found.errors:
        raise ConfigError("; ".join(found.errors))
    report = Report(f"Data of {Path(cfg.filename or 'the config').stem}", found)
    report.notes = (cfg.get(COMPOSED) or {}).get("notes") or ()
    if not isinstance(dataset, SemiDataset) or "sampler" not in loader_cfg:
        return report
    report.views = dataset.views
    loader_cfg.update(num_workers=0, persistent_workers=False, dataset=dataset)
    loader_cfg.pop("prefetch_factor", None)
    loader = Runner.build_dataloader(loader_cfg, seed=0)
    drawn = draw_batch(loader)
    shown = views_of_batch(drawn.batch, 255)
    report.picture = save_picture(
        picture, shown, groups_of(dataset), dataset.metainfo, 255
    )
    return report
