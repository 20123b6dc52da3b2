"""Saves predicted label maps while a model is tested."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.figures import encode_labels
from mmseg_semisup.core.file_names import check_distinct
from mmseg_semisup.datasets.lists import image_ids
from mmseg_semisup.datasets.sources import infos


@HOOKS.register_module()
class SaveMasksHook(Hook):
    """Saves the predicted class of each pixel as ``FOLDER/NAME.png``.

    A name is the image's path below the folder that holds all tested images, so images
    of equal names in different folders do not overwrite each other; metrics of mmseg
    save by the file's name alone. With ``reduce_zero_label``, classes count from 1, as
    in the data set's masks.

    Args:
        folder: The folder to save them in.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self._names: dict[str, str] = {}

    def before_test(self, runner: Runner) -> None:
        """Derive the file names of all images.

        Raises:
            ConfigError: If the file system takes two of them for one.
        """
        tested = infos(runner.test_loop.dataloader.dataset)
        paths = list(dict.fromkeys(str(info["img_path"]) for info in tested))
        self._names = dict(zip(paths, image_ids(paths), strict=True))
        check_distinct(self.folder, self._names.values())

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Save the label maps of a batch."""
        for sample in outputs or ():
            mask = sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)
            if sample.get("reduce_zero_label", False):
                mask = mask + 1
            name = self._names[str(sample.img_path)]
            atomic_write(self.folder / f"{name}.png", encode_labels(mask))
