"""Count the classes in labelled batches: ``python tests/rare_class_batches.py CONFIG``.

The batches are those of a training with this seed, without and with ``--rare-classes``.
"""

from __future__ import annotations

import argparse

import numpy as np
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.datasets import SourceSampler


def crops_of(config: str, rare: bool, batches: int, seed: int) -> tuple[list, list]:
    """Names of the classes, and for each crop the pixels of each class.

    Args:
        config: Name of a config that trains on masks alone.
        rare: Whether to draw by class.
        batches: Number of batches.
        seed: Of the training.

    Returns:
        C names; and arrays (B, C), one for each batch of B crops.
    """
    cfg = load_config(config, composition={"rare_classes": rare})
    init_default_scope("mmseg")
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    options = {k: v for k, v in cfg.train_dataloader.sampler.items() if k != "type"}
    sampler = SourceSampler(dataset, **options, seed=seed)
    names = dataset.metainfo["classes"]
    keys = map(sampler.key, range(batches * cfg.train_dataloader.batch_size))
    samples = (dataset[key]["data_samples"] for key in keys if key.source == "labeled")
    counts = [
        np.bincount(sample["labeled"].gt_sem_seg.data.flatten(), minlength=256)
        for sample in samples
    ]
    return names, np.split(np.stack(counts)[:, : len(names)], batches)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config")
    parser.add_argument("--batches", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    columns = []
    for rare in (False, True):
        names, found = crops_of(args.config, rare, args.batches, args.seed)
        shown = np.mean([(batch > 0).any(axis=0) for batch in found], axis=0)
        pixels = np.sum([batch.sum(axis=0) for batch in found], axis=0)
        columns += [shown, pixels / pixels.sum()]
    print("| class | batches that show it | pixels | batches, drawn | pixels, drawn |")
    print("|---|---|---|---|---|")
    for name, *values in zip(names, *columns, strict=True):
        batches, pixels, drawn, drawn_pixels = (100 * value for value in values)
        print(
            f"| {name} | {batches:.1f} % | {pixels:.3f} % | {drawn:.1f} % | "
            f"{drawn_pixels:.3f} % |"
        )


if __name__ == "__main__":
    main()
