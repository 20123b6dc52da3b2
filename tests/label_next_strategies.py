"""What each strategy of tools/label_next.py chooses, where the true masks are known.

    python tests/label_next_strategies.py CONFIG CHECKPOINT --out DIR --count 32

Of the chosen images: the share of wrong pixels, the share of images that show a class
which few images show, and the number of classes with at least one image; for random
choices, mean and standard deviation over seeds. Of all images: the rank correlation of
each criterion with the share of wrong pixels. The lists of ids in DIR/lists are for a
study that trains with the chosen masks; docs/label_next.md says how.

With --minutes, as many images as fit, in random order, without views, features and
labelled images: one pass an image, for the criteria that need no more.
"""

from __future__ import annotations

import argparse
import time
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
from mmseg_semisup.label_next.criteria import entropy_map, rarity
from mmseg_semisup.label_next.run import label_next
from mmseg_semisup.label_next.scan import ScoreFiles
from mmseg_semisup.label_next.scorer import Scorer, default_networks
from mmseg_semisup.label_next.strategies import Table, needs, percentiles, read_table
from mmseg_semisup.pseudo_masks.images import Item
from mmseg_semisup.pseudo_masks.progress import show_progress
from mmseg_semisup.pseudo_masks.statistics import IGNORED, load_truth

RANDOM_SEEDS = 100
CANDIDATES = (1, 4, None)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config")
    parser.add_argument("checkpoint")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--count", type=int, default=32)
    parser.add_argument("--pool", type=int, help="draw as many unlabelled images")
    parser.add_argument("--minutes", type=float, help="one pass an image, for so long")
    return parser.parse_args()


def quick_scores(
    cfg: Config, checkpoint: str, items: list[Item], minutes: float
) -> tuple[Table, np.ndarray, np.ndarray]:
    """Scores of the first images, with the share of wrong pixels, and true pixels."""
    scorer = Scorer(cfg, load_checkpoint_file(checkpoint))
    end = time.monotonic() + 60 * minutes
    uncertainty, shares, errors, pixels = [], [], [], []
    for number, item in enumerate(items, 1):
        image = scorer.load(item)
        with torch.inference_mode():
            probs = scorer._probs(0, [image])
        uncertainty.append(float(entropy_map(probs).mean()))
        shares.append(probs.mean(dim=(0, 2, 3)).numpy())
        count = len(scorer.classes)
        true = load_truth(item, image["data_samples"].ori_shape, count).numpy()
        counted = true != IGNORED
        errors.append((probs[0].argmax(dim=0).numpy() != true)[counted].mean())
        pixels.append(np.bincount(true[counted], minlength=count))
        show_progress(f"{number}/{len(items)} images")
        if time.monotonic() > end:
            break
    share = np.array(shares, np.float32)
    frequency = share.mean(axis=0, dtype=np.float64)
    criteria = {
        "uncertainty": np.array(uncertainty),
        "rarity": rarity(share, frequency),
    }
    table = Table(np.arange(len(share)), criteria, share, frequency, {})
    return table, np.array(errors), np.array(pixels) > 0


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
    """Wrong pixels in percent, images with more than the most frequent class and with a
    rare one in percent, number of classes."""
    some = shown[rows]
    others = np.delete(some, shown.sum(axis=0).argmax(), axis=1).any(axis=1).mean()
    has_rare = some[:, rare].any(axis=1).mean()
    counted = some.any(axis=0).sum()
    return [100 * errors[rows].mean(), 100 * others, 100 * has_rare, counted]


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config)
    candidates = list_candidates(load_config(args.config, stages="base"))
    order = np.random.default_rng(0).permutation(len(candidates.unlabeled))
    if args.minutes:
        pool = [candidates.unlabeled[i] for i in order]
        table, errors, shown = quick_scores(cfg, args.checkpoint, pool, args.minutes)
        print_table(args, candidates, pool[: len(errors)], table, errors, shown, {})
        return
    if args.pool:
        pool = [candidates.unlabeled[i] for i in sorted(order[: args.pool])]
        candidates = candidates._replace(unlabeled=pool)
    label_next(cfg, args.checkpoint, candidates, args.out, 1, report=show_progress)
    lists = {"labeled": candidates.labeled, "unlabeled": candidates.unlabeled}
    files = {
        name: ScoreFiles(args.out / "scores", name, len(items))
        for name, items in lists.items()
    }
    table = read_table(files["unlabeled"])
    items = [candidates.unlabeled[position] for position in table.positions]
    known = args.out / "truth.npz"
    if not known.is_file():
        errors, pixels = true_errors(cfg, args.checkpoint, items)
        np.savez(known, errors=errors, pixels=pixels)
    with np.load(known) as file:
        errors, shown = file["errors"], file["pixels"] > 0
    print_table(args, candidates, items, table, errors, shown, files)


def print_table(args, candidates, items, table, errors, shown, files) -> None:
    """Print what each strategy chooses, and write the lists."""
    images = shown.sum(axis=0)
    # The rarer half of the classes that any image shows.
    order = [int(c) for c in images.argsort() if images[c]]
    rare = order[: len(order) // 2]
    print(f"\n{len(items)} images; of each class: {images.tolist()}; rare: {rare}")
    print(f"wrong pixels of all: {100 * errors.mean():.2f} %")
    for name, values in table.criteria.items():
        correlation = np.corrcoef(percentiles(values), percentiles(errors))[0, 1]
        print(f"rank correlation with wrong pixels: {name} {correlation:.2f}")
    print(
        "\n| strategy | candidates | wrong pixels | with another than the most "
        "frequent class | with a rare class | classes |"
        "\n| --- | --- | --- | --- | --- | --- |"
    )
    for strategy in ("all", *table.criteria):
        for number in CANDIDATES if files else (1,):
            if files:
                labeled = read_features(files["labeled"])
                arguments = args.count, strategy, number
                found = choose(table, files["unlabeled"], labeled, *arguments)
                rows = np.array([choice.row for choice in found])
            else:
                rows = np.argsort(-needs(table, strategy), kind="stable")[: args.count]
            name = strategy if number is None else f"{strategy}_{number}"
            write_list(args.out, candidates, items, rows, name)
            error, *shares, classes = describe(rows, errors, shown, rare)
            cells = f"{error:.2f} % | {shares[0]:.0f} % | {shares[1]:.0f} % | {classes}"
            print(f"| {strategy} | {number or 'all'} | {cells} |")
    every = []
    for seed in range(RANDOM_SEEDS):
        rows = np.random.default_rng(seed).permutation(len(items))[: args.count]
        every.append(describe(rows, errors, shown, rare))
        if seed < 3:
            write_list(args.out, candidates, items, rows, f"random_seed{seed}")
    means, spreads = np.mean(every, axis=0), np.std(every, axis=0)
    cells = [f"{m:.2f} ± {s:.2f}" for m, s in zip(means, spreads, strict=True)]
    print(f"| random | | {cells[0]} % | {cells[1]} % | {cells[2]} % | {cells[3]} |")


def write_list(out: Path, candidates, items, rows: np.ndarray, name: str) -> None:
    """Ids of the labelled and the chosen images, for --labeled."""
    images = [item.image for item in (*candidates.labeled, *(items[r] for r in rows))]
    ids = candidates.list_ids(images)
    (out / "lists").mkdir(parents=True, exist_ok=True)
    (out / "lists" / f"{name}.txt").write_text("".join(f"{i}\n" for i in ids or ()))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
