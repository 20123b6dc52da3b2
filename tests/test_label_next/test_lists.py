from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from mmseg.registry import DATASETS

from mmseg_semisup.label_next.candidates import list_candidates
from mmseg_semisup.label_next.choose import Choice
from mmseg_semisup.label_next.criteria import rarity
from mmseg_semisup.label_next.lists import explain, write_lists
from mmseg_semisup.label_next.strategies import Table, percentiles
from mmseg_semisup.pseudo_masks.images import Item

CLASSES = ("ground", "cat", "dog")


@pytest.fixture
def table() -> Table:
    """Scores of the seven images without masks, of which the last is odd."""
    shares = np.full((7, 3), (0.9, 0.1, 0.0), np.float32)
    shares[6] = 0.2, 0.3, 0.5
    frequency = shares.mean(axis=0, dtype=np.float64)
    ramp = np.linspace(0.1, 0.7, 7)
    criteria = {
        "uncertainty": ramp,
        "views": ramp[::-1].copy(),
        "rarity": rarity(shares, frequency),
    }
    return Table(np.arange(7), criteria, shares, frequency, {})


def reasons_of(table: Table, row: int, distance: float = 0.5) -> str:
    ranks = {name: percentiles(values) for name, values in table.criteria.items()}
    return explain(table, ranks, Choice(row, 0.5, distance), CLASSES)


def test_reasons_are_what_is_high(table):
    assert reasons_of(table, 6) == (
        "less certain than 100 % of the images; shows rarer classes than 100 % of the "
        "images: dog, 50 % of its probability, 7.1 % in all images"
    )
    assert reasons_of(table, 0) == (
        "changed copies differ more than for 100 % of the images"
    )
    assert "stands for images unlike the labelled ones" in reasons_of(table, 3)
    assert reasons_of(table, 3, 1e-5).startswith("looks like an image that is labelled")


def test_the_table_and_the_lists(cfg, table, tmp_path):
    candidates = list_candidates(cfg)
    choices = [Choice(6, 0.75, float("inf")), Choice(0, 0.5, 0.25)]
    notes = write_lists(tmp_path, candidates, table, choices, CLASSES)
    with (tmp_path / "label_next.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    image = candidates.unlabeled[6].image
    assert (first["rank"], first["image"], first["need"]) == ("1", image, "0.7500")
    assert (first["distance"], second["distance"]) == ("", "0.2500")
    assert (first["uncertainty"], second["views"]) == ("0.70000", "0.70000")
    assert first["reasons"] == reasons_of(table, 6)
    images = (tmp_path / "images.txt").read_text().splitlines()
    assert images == [image, candidates.unlabeled[0].image]
    assert (tmp_path / "labeled.txt").read_text().split() == ["0", "1", "8", "2"]
    assert notes == [
        f"when they have masks beside the others: --labeled {tmp_path}/labeled.txt"
    ]


def test_the_list_trains(cfg, table, tmp_path):
    candidates = list_candidates(cfg)
    write_lists(tmp_path, candidates, table, [Choice(3, 1.0, 1.0)], CLASSES)
    labeled = cfg.train_dataloader.dataset.sources.labeled
    labeled.ann_file = str(tmp_path / "labeled.txt")
    images = [info["img_path"] for info in DATASETS.build(labeled).load_data_list()]
    assert sorted(Path(image).stem for image in images) == ["0", "1", "5"]


def test_images_elsewhere_have_no_list_of_ids(cfg, table, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for item in list_candidates(cfg).unlabeled:
        (folder / Path(item.image).name).write_bytes(Path(item.image).read_bytes())
    candidates = list_candidates(cfg, [str(folder)])
    notes = write_lists(tmp_path, candidates, table, [Choice(0, 1, 1)], CLASSES)
    assert not (tmp_path / "labeled.txt").exists()
    assert "no labeled.txt, because" in notes[0]


def test_names_that_a_line_cannot_hold(cfg, table, tmp_path):
    candidates = list_candidates(cfg)
    names = [
        "a\nb.jpg",
        " c.jpg",
        "d\udcff.jpg",
        "e\u2028.jpg",
        '=f,"g.jpg',
        "h.jpg",
        "i.jpg",
    ]
    odd = candidates._replace(
        unlabeled=[Item(name, f"{tmp_path}/{name}", "unlabeled") for name in names]
    )
    choices = [Choice(row, 0.5, 0.5) for row in range(7)]
    notes = write_lists(tmp_path, odd, table, choices, CLASSES)
    listed = (tmp_path / "images.txt").read_text().splitlines()
    assert [Path(line).name for line in listed] == [
        " c.jpg",
        '=f,"g.jpg',
        "h.jpg",
        "i.jpg",
    ]
    assert "images.txt cannot name" in notes[0]
    assert "a\\nb.jpg; rename it" in notes[0]
    with (tmp_path / "label_next.csv").open(newline="") as file:
        shown = [Path(row["image"]).name for row in csv.DictReader(file)]
    assert shown[0] == "a\\nb.jpg"
    assert shown[4:] == names[4:]
