"""Files of the images on which an exported network is compared with the original."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmseg_semisup.core.errors import ConfigError, DataError
from mmseg_semisup.datasets.sources import build_source, infos

LOADERS = ("val_dataloader", "test_dataloader")


def validation_images(cfg: Config, count: int) -> list[Path]:
    """Some images of the validation set, spread evenly over its list.

    Args:
        cfg: A config with a ``val_dataloader`` or ``test_dataloader``.
        count: Their number, or all if there are fewer.

    Raises:
        ConfigError: If there is no such data.
    """
    init_default_scope(cfg.get("default_scope", "mmseg"))
    reason = "the config names no validation images"
    for name in LOADERS:
        dataset = (cfg.get(name) or {}).get("dataset")
        if dataset is None:
            continue
        try:
            found = infos(build_source(name, dataset))
        except DataError as error:
            reason = str(error)
            continue
        places = np.linspace(0, len(found) - 1, min(count, len(found)))
        return [Path(found[int(place)]["img_path"]) for place in places]
    raise ConfigError(f"{reason}; give images to compare on with --images")
