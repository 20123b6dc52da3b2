"""The names of the shipped configs: docs/names.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmseg_semisup.composition import read_config
from mmseg_semisup.datasets.lists import read_ids

ROOT = Path(__file__).resolve().parents[1]
LEAVES = [
    path
    for path in sorted(ROOT.glob("configs/*/*.py"))
    if path.parent.name not in ("_base_", "demo", "studies")
]
WORDS = r"[a-z0-9]+(?:-[a-z0-9]+)*"
NAME = re.compile(
    rf"(?P<method>{WORDS})_(?P<network>{WORDS})(?:_(?P<iterations>\d+k))?"
    r"_(?P<data>magnetic-tiles|voc-animals|voc|cityscapes|pascal-context|ade20k|coco)"
    r"(?:-(?P<masks>\d+|all|\d+-weak-\d+|(?<=context-)1_\d+))?"
)


def parts(path: Path) -> dict[str, str]:
    found = NAME.fullmatch(path.stem)
    assert found, path.stem
    return found.groupdict()


def test_names_have_the_four_fields():
    assert len(LEAVES) > 100
    for path in LEAVES:
        assert parts(path)["method"]


def counted() -> list[Path]:
    return [path for path in LEAVES if (parts(path)["masks"] or "").isdigit()]


@pytest.mark.slow
def test_names_state_iterations_and_masks():
    published = 0
    for path in counted():
        cfg, _ = read_config(path)
        if "train_dataloader" not in cfg:
            continue
        iterations = parts(path)["iterations"]
        assert f"{round(cfg.train_cfg.max_iters / 1000)}k" == iterations, path.stem
        listed = cfg.train_dataloader.dataset.sources.labeled.ann_file
        if listed.startswith("split:"):
            published += 1
            folder = ROOT / "mmseg_semisup" / "datasets" / "splits"
            ids = read_ids(folder / listed.removeprefix("split:"))
            assert str(len(ids)) == parts(path)["masks"], path.stem
    assert published > 20
