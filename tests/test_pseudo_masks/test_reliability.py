"""The ranking of images by the agreement of networks, against a slow one."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from processes import in_two_processes

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.pseudo_masks import Settings, list_items
from mmseg_semisup.pseudo_masks.make import file_hash
from mmseg_semisup.pseudo_masks.reliability import (
    LIST,
    RANKING,
    agreement,
    reliable_items,
    remaining_items,
)

SOURCES = ("labeled", "unlabeled")


def slow_agreement(first, second, classes):
    """Mean IoU over the classes that one of both has, in float64."""
    values = []
    for number in range(classes):
        both = either = 0
        for a, b in zip(first.ravel(), second.ravel(), strict=True):
            both += int(a == number and b == number)
            either += int(a == number or b == number)
        if either:
            values.append(both / either)
    return sum(values) / len(values)


@pytest.mark.parametrize("shape", [(1, 1), (7, 9), (16, 16)])
@pytest.mark.parametrize("classes", [2, 5])
def test_the_agreement_equals_a_loop(shape, classes):
    generator = torch.Generator().manual_seed(shape[0] + classes)
    maps = [
        torch.randint(0, high, shape, generator=generator, dtype=torch.uint8)
        for high in (classes, max(1, classes - 1))
    ]
    found = agreement(*maps, classes)
    assert found == pytest.approx(slow_agreement(*(m.numpy() for m in maps), classes))
    assert agreement(maps[0], maps[0], classes) == 1.0


def test_many_classes_do_not_overflow():
    one = torch.full((3, 3), 200, dtype=torch.uint8)
    other = torch.full((3, 3), 199, dtype=torch.uint8)
    assert agreement(one, one, 255) == 1.0
    assert agreement(one, other, 255) == 0.0


@pytest.fixture
def choose(cfg, checkpoint, tmp_path):
    """Ranks the images of the tiny training; the teacher is an earlier network."""

    def run(digest=None, **options):
        settings = Settings(
            judges=("teacher",), sources=SOURCES, batch_size=2, threads=2, **options
        )
        digest = digest or file_hash(checkpoint)
        items = reliable_items(cfg, checkpoint, tmp_path, settings, cfg, digest)
        return [item.id for item in items]

    return run


def test_the_ranking_equals_a_slow_one(cfg, make, choose, tmp_path):
    chosen = choose(share=0.5)
    names = {}
    for network in ("student", "teacher"):
        manifest = make(network, network=network, sources=SOURCES)
        names[network] = [record["id"] for record in manifest["images"]]
    values = {}
    for name in names["student"]:
        maps = [
            np.array(Image.open(tmp_path / network / "masks" / f"{name}.png"))
            for network in ("teacher", "student")
        ]
        values[name] = slow_agreement(*maps, 3)
    record = json.loads((tmp_path / RANKING).read_text())
    found = {entry["id"]: entry["reliability"] for entry in record["images"]}
    assert found == pytest.approx(values)
    order = sorted(values, key=lambda name: (-found[name], name))
    assert [entry["id"] for entry in record["images"]] == order
    assert set(chosen) == set(order[: len(order) // 2])
    paths = {item.id: item.image for item in list_items(cfg, SOURCES)[0]}
    lines = (tmp_path / LIST).read_text().splitlines()
    assert lines == [paths[name] for name in order]


def test_a_finished_ranking_is_read(choose, tmp_path, monkeypatch):
    first = choose(share=0.5)
    content = (tmp_path / RANKING).read_bytes()
    monkeypatch.setattr("mmseg_semisup.pseudo_masks.reliability._measure", None)
    assert choose(share=0.5) == first
    assert len(choose(share=0.01)) == 1
    assert len(choose()) == 6
    assert (tmp_path / RANKING).read_bytes() == content


def rank(_, training, folder):
    """What one process or each of two does."""
    cfg = load_config(training, stages="base")
    checkpoint = training.with_name("iter_7.pth")
    settings = Settings(judges=("teacher",), sources=SOURCES, batch_size=2, share=0.5)
    digest = file_hash(checkpoint)
    items = reliable_items(cfg, checkpoint, folder, settings, cfg, digest)
    return [item.id for item in items]


@pytest.mark.slow
def test_two_processes_rank_as_one(training, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    alone = rank(0, training, one)
    assert in_two_processes(rank, training, two) == [alone, alone]
    for name in (RANKING, LIST):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_another_or_a_damaged_ranking_is_refused(choose, tmp_path):
    choose()
    with pytest.raises(StoreError, match="ranks other images, or by other networks"):
        choose(digest="0" * 64)
    record = json.loads((tmp_path / RANKING).read_text())
    record["images"].pop()
    (tmp_path / RANKING).write_text(json.dumps(record))
    with pytest.raises(StoreError, match="ranks other images"):
        choose()
    record["images"][0].pop("reliability")
    (tmp_path / RANKING).write_text(json.dumps(record))
    with pytest.raises(StoreError, match=r"images\[0\].reliability is missing; remove"):
        choose()


def test_the_rest_of_a_store(cfg, make, tmp_path):
    make("some", sources=("labeled",))
    items, _ = list_items(cfg, SOURCES)
    left = remaining_items(cfg, SOURCES, tmp_path / "some")
    assert {item.source for item in left} == {"unlabeled"}
    assert len(left) == sum(item.source == "unlabeled" for item in items)
    make("all", sources=SOURCES)
    with pytest.raises(StoreError, match="has masks of all 6 images; none is left"):
        remaining_items(cfg, SOURCES, tmp_path / "all")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 0.5}, "needs judges="),
        ({"share": 0, "judges": ["a"]}, "share=0; allowed"),
        ({"judges": "teacher"}, "judges='teacher'; give a list"),
        ({"judges": ["student"]}, "without that of the network, 'student'"),
        ({"judges": ["a"], "rest_of": "first"}, "give one of them"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(StoreError, match=message):
        Settings(**options)
