"""What each strategy of tools/label_next.py chooses, where the true masks are known.

    python tests/label_next_strategies.py CONFIG CHECKPOINT --out DIR --count 32

Of the chosen images: the share of wrong pixels, the share of images that show a class
which few images show, and the number of classes with at least one image; for random
choices, mean and standard deviation over seeds. Of all images: the rank correlation of
each criterion with the share of wrong pixels. The lists of ids in DIR/lists are for a
study that trains with the chosen masks; docs/label_next.md says how.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.export.predictor import Predictor
from mmseg_semisup.label_next.candidates import list_candidates
from mmseg_semisup.label_next.choose import choose, read_features
from mmseg_semisup.label_next.run import label_next
from mmseg_semisup.label_next.scan import ScoreFiles
from mmseg_semisup.label_next.scorer import default_networks
from mmseg_semisup.label_next.strategies import STRATEGIES, percentiles, read_table
from mmseg_semisup.pseudo_masks.images import Item
from mmseg_semisup.pseudo_masks.progress import show_progress
from mmseg_semisup.pseudo_masks.statistics import IGNORED, load_truth

RANDOM_SEEDS = 100
CANDIDATES = (1, 2, 4, 8)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config")
    parser.add_argument("checkpoint")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--count", type=int, default=32)
    parser.add_argument("--pool", type=int, help="draw as many unlabelled images")
    return parser.parse_args()


def true_errors(
    cfg: Config, checkpoint: str, items: list[Item]
) -> tuple[np.ndarray, np.ndarray]:
    """Share of wrong pixels of each image, (N,), and pixels of each class, (N, C)."""
    network = default_networks(cfg.model)[0]
    predict = Predictor(cfg, load_checkpoint_file(checkpoint), network)
    errors, pixels = [], []
    for number, item in enumerate(items, 1):
        labels = predict(item.image).labels
        truth = load_truth(item, labels.shape, len(predict.classes))
        if truth is None:
            raise ConfigError(f"{item.image}: no mask is known")
        true = truth.numpy()
        counted = true != IGNORED
        errors.append((labels != true)[counted].mean() if counted.any() else 0)
        pixels.append(np.bincount(true[counted], minlength=len(predict.classes)))
        show_progress(f"{number}/{len(items)} true masks")
    return np.array(errors), np.array(pixels)


def describe(rows: np.ndarray, errors: np.ndarray, shown: np.ndarray, rare) -> list:
    """Wrong pixels in percent, images with a rare class, number of classes."""
    some = shown[rows]
    has_rare = some[:, rare].any(axis=1).mean()
    return [100 * errors[rows].mean(), 100 * has_rare, some.any(axis=0).sum()]


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config)
    candidates = list_candidates(load_config(args.config, stages="base"))
    if args.pool:
        order = np.random.default_rng(0).permutation(len(candidates.unlabeled))
        pool = [candidates.unlabeled[i] for i in sorted(order[: args.pool])]
        candidates = candidates._replace(unlabeled=pool)
    label_next(
        cfg, args.checkpoint, candidates, args.out, args.count, report=show_progress
    )
    scores = args.out / "scores"
    lists = {"labeled": candidates.labeled, "unlabeled": candidates.unlabeled}
    files = {n: ScoreFiles(scores, n, len(items)) for n, items in lists.items()}
    table, labeled = read_table(files["unlabeled"]), read_features(files["labeled"])
    items = [candidates.unlabeled[position] for position in table.positions]
    known = args.out / "truth.npz"
    if not known.is_file():
        errors, pixels = true_errors(cfg, args.checkpoint, items)
        np.savez(known, errors=errors, pixels=pixels)
    with np.load(known) as file:
        errors, shown = file["errors"], file["pixels"] > 0
    images = shown.sum(axis=0)
    # The rarer half of the classes that any image shows.
    order = [c for c in images.argsort() if images[c]]
    rare = order[: len(order) // 2]
    print(
        f"\n{len(items)} images; images of each class: {images.tolist()}; rare: {rare}"
    )
    print(f"wrong pixels of all: {100 * errors.mean():.2f} %")
    for name, values in table.criteria.items():
        one, other = percentiles(values), percentiles(errors)
        print(
            f"rank correlation with wrong pixels: {name} "
            f"{np.corrcoef(one, other)[0, 1]:.2f}"
        )
    print("\n| strategy | candidates | wrong pixels | with a rare class | classes |")
    print("| --- | --- | --- | --- | --- |")
    for strategy in STRATEGIES:
        if strategy == "random" or (strategy not in (*table.criteria, "all")):
            continue
        for number in CANDIDATES:
            chosen = choose(
                table, files["unlabeled"], labeled, args.count, strategy, number
            )
            rows = np.array([choice.row for choice in chosen])
            write_list(args.out, candidates, items, rows, f"{strategy}_{number}")
            error, share, classes = describe(rows, errors, shown, rare)
            print(
                f"| {strategy} | {number} | {error:.2f} % | {share:.0f} % | {classes} |"
            )
    every = []
    for seed in range(RANDOM_SEEDS):
        rows = np.random.default_rng(seed).permutation(len(items))[: args.count]
        every.append(describe(rows, errors, shown, rare))
        if seed < 3:
            write_list(args.out, candidates, items, rows, f"random_seed{seed}")
    means, spreads = np.mean(every, axis=0), np.std(every, axis=0)
    cells = [f"{m:.2f} ± {s:.2f}" for m, s in zip(means, spreads, strict=True)]
    print(f"| random | | {cells[0]} % | {cells[1]} % | {cells[2]} |")


def write_list(out: Path, candidates, items, rows: np.ndarray, name: str) -> None:
    """Ids of the labelled and the chosen images, for --labeled."""
    images = [item.image for item in (*candidates.labeled, *(items[r] for r in rows))]
    ids = candidates.list_ids(images)
    (out / "lists").mkdir(exist_ok=True)
    (out / "lists" / f"{name}.txt").write_text("".join(f"{i}\n" for i in ids or ()))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
