"""How sure and how right a trained network is on the unlabelled images.

Their true masks serve this measurement only. It is that of
``tools/generate_pseudo_masks.py``, at the scale of the test and without augmentation,
whereas a training selects pixels of augmented crops.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.find_checkpoint import find_last_checkpoint
from mmseg_semisup.pseudo_masks.quality import read_quality

from .training import Training, training_environment

THRESHOLD = 0.95
"""That of most methods, so that all of them can be compared at it."""
SOURCE = "unlabeled"
MASKS = "measured_masks"
"""Folder of the masks in that of the training, until their quality is known."""
KEPT = ("images_with_truth", "mIoU", "accuracy", "thresholds", "kept")


def needs_measuring(training: Training) -> bool:
    """Whether a training is finished, reads unlabelled images, and was not measured."""
    if training.state.result is None or training.cell.stages:
        return False
    sources = training.cell.cfg.train_dataloader.dataset.get("sources") or {}
    measurable = bool(sources.get(SOURCE)) and training.folder.is_dir()
    return measurable and "selection" not in training.state.result


def measure(training: Training) -> None:
    """Measure the network that predicts, and add 'selection' to the result.

    Args:
        training: A training for which :func:`needs_measuring`.

    Raises:
        ConfigError: If that fails, or no unlabelled image has a true mask.
    """
    checkpoint = find_last_checkpoint(training.folder)
    if checkpoint is None or training.state.result is None:
        raise ConfigError(f"cell {training.name}: its checkpoint is gone")
    # A killed measurement leaves it behind.
    masks = training.folder / MASKS
    shutil.rmtree(masks, ignore_errors=True)
    try:
        found = _quality(training, checkpoint, masks)
    finally:
        shutil.rmtree(masks, ignore_errors=True)
    if not found["images_with_truth"]:
        raise ConfigError(
            f"cell {training.name}: selection: no unlabelled image has a true mask in "
            "the folder of the labelled ones' masks"
        )
    training.state.result["selection"] = {
        **{key: found[key] for key in KEPT},
        "accuracy_of_kept": found["accuracy_of_kept"],
    }
    training.state.write()


def _quality(training: Training, checkpoint: Path, out: Path) -> dict[str, Any]:
    tool = [sys.executable, "-W", "ignore", "-m", "mmseg_semisup"]
    done = subprocess.run(  # noqa: S603, the arguments are our own
        [
            *(*tool, "generate_pseudo_masks", str(training.config_path)),
            *(str(checkpoint), "--out", str(out), "--sources", SOURCE),
            *("--network", training.cell.predicts),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=training_environment(1),
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise ConfigError(f"cell {training.name}: selection: {' '.join(last)}")
    found: dict[str, Any] = read_quality(out)[SOURCE]
    return found


def measure_all(trainings: Sequence[Training], say: Callable[[str], None]) -> list[str]:
    """Measure all trainings that need it, one after the other.

    Args:
        trainings: The trainings.
        say: Is told a line about each.

    Returns:
        What went wrong, a sentence for each.
    """
    wrong = []
    for training in filter(needs_measuring, trainings):
        say(f"{training.name}: its labels of the unlabelled images are measured")
        try:
            measure(training)
        except ConfigError as error:
            wrong.append(str(error))
    return wrong


def at_threshold(result: Mapping[str, Any], key: str) -> float | None:
    """'kept' or 'accuracy_of_kept' in percent at :data:`THRESHOLD`; None: not known."""
    found = result.get("selection")
    if not found:
        return None
    values = dict(zip(found["thresholds"], found[key], strict=False))
    value = values.get(THRESHOLD)
    return None if value is None else float(value)
