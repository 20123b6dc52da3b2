"""Scores the images of a training, and writes those to label next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.distributed import locked
from mmseg_semisup.pseudo_masks.make import file_hash

from .candidates import Candidates
from .choose import choose, read_features
from .lists import write_lists
from .pictures import draw_sheets
from .scan import ScoreFiles, begin, list_digest, scan
from .scorer import Scorer
from .strategies import DEFAULT, check_strategy, read_table

SCORES = "scores"


class Done(NamedTuple):
    """The result of :func:`label_next`.

    Attributes:
        chosen: Number of chosen images.
        notes: What the user has to know.
        failed: Path of each image that cannot be used, and the reason.
    """

    chosen: int
    notes: list[str]
    failed: dict[str, str]


def label_next(
    cfg: Config,
    checkpoint: str | Path,
    candidates: Candidates,
    out_dir: Path,
    count: int = 50,
    strategy: str = DEFAULT,
    candidates_per_image: int | None = None,
    seed: int = 0,
    networks: Sequence[str] | None = None,
    device: str = "cpu",
    batch_size: int = 8,
    threads: int = 4,
    trust: bool = False,
    report: Callable[[str], None] | None = None,
) -> Done:
    """Choose the images to label next.

    Args:
        cfg: Config of the networks.
        checkpoint: Their checkpoint.
        candidates: The images.
        out_dir: Folder of the results. Scores of an earlier run are used again.
        count: Number of images to choose.
        strategy: Name of a strategy.
        candidates_per_image: As in :func:`~.choose.choose`.
        seed: Seed of the random numbers.
        networks: As in :class:`~.scorer.Scorer`.
        device: Where the networks run.
        batch_size: Greatest number of images of one size in a pass of a network.
        threads: Number of threads that load images.
        trust: As in :func:`load_checkpoint_file`.
        report: Called with lines of progress.

    Raises:
        ValueError: If config, checkpoint, images and folder do not fit each other.
        WriteError: If a file cannot be written.
    """
    check_strategy(strategy)
    state = load_checkpoint_file(checkpoint, trust=trust)
    scorer = Scorer(cfg, state, networks, device)
    folder = out_dir / SCORES
    lists = {"labeled": candidates.labeled, "unlabeled": candidates.unlabeled}
    request = {
        "checkpoint": file_hash(checkpoint),
        "networks": scorer.names,
        "test_cfg": scorer.test_cfg,
        "pipeline": scorer.pipeline,
        "classes": scorer.classes,
        "batch size": batch_size,
        **{f"{name} images": list_digest(items) for name, items in lists.items()},
    }
    with locked(out_dir):
        begin(folder, request)
        files = {}
        for name, items in lists.items():
            files[name] = ScoreFiles(folder, name, len(items))
            scan(scorer, items, files[name], batch_size, threads, report)
        table = read_table(files["unlabeled"])
        choices = choose(
            table,
            files["unlabeled"],
            read_features(files["labeled"]),
            count,
            strategy,
            candidates_per_image,
            seed,
        )
        notes = write_lists(out_dir, candidates, table, choices, scorer.classes)
        chosen = [candidates.unlabeled[table.positions[c.row]] for c in choices]
        undrawn = draw_sheets(out_dir, scorer, chosen, table, choices, report)
    if len(choices) < count:
        notes.insert(0, f"there are no more than {len(choices)} images")
    notes += [f"no picture of {reason}" for reason in undrawn]
    every = candidates.unlabeled
    failed = {every[place].image: why for place, why in table.failed.items()}
    return Done(len(choices), notes, failed)
