"""Nested draws that show every class where that is possible."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from mmseg_semisup.datasets.count_pixels import count_pixels
from mmseg_semisup.datasets.draw_split import apply_order, draw_order, parse_size


def shown(order, size, presence):
    return presence[order[:size]].any(0)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1/8", 1323), ("0.5", 5291), ("100", 100), ("1", 1), ("10581", 10581)],
)
def test_sizes(text, size):
    assert parse_size(text, 10582) == size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("half", "neither a fraction"),
        ("1/0", "neither a fraction"),
        ("0", "are 0; there must be at least one"),
        ("-1/2", "at least one"),
        ("1/100", "are 0;"),
        ("20", "are 20;"),
        ("3/2", "are 1;"),
    ],
)
def test_sizes_that_make_no_sense(text, message):
    with pytest.raises(ValueError, match=message):
        parse_size(text, 20)


def test_without_classes_it_is_a_shuffle():
    presence = np.zeros((50, 0), bool)
    order = draw_order(presence, [5, 20], seed=3)
    assert sorted(order) == list(range(50))
    assert order == draw_order(presence, [20], seed=3)
    assert order != draw_order(presence, [20], seed=4)


def test_a_good_shuffle_is_left_alone():
    presence = np.ones((30, 4), bool)
    plain = draw_order(np.zeros((30, 0), bool), [3], seed=0)
    assert draw_order(presence, [3, 9], seed=0) == plain


@pytest.mark.parametrize("seed", range(20))
def test_rare_classes_are_swapped_in(seed):
    rng = np.random.default_rng(seed)
    presence = rng.random((200, 8)) < np.array([0.9, 0.5, 0.2, 0.1, 0.05, 0, 0, 0])
    presence[7, 5] = presence[8, 6] = True
    sizes = [12, 25, 100]
    order = draw_order(presence, sizes, seed)
    assert sorted(order) == list(range(200))
    for size in sizes:
        assert shown(order, size, presence).tolist() == presence.any(0).tolist()
    assert not presence.any(0)[7]


def test_smaller_sets_are_part_of_larger_ones_where_room_is_short():
    presence = np.eye(10, dtype=bool)
    order = draw_order(presence, [3, 6, 9], seed=0)
    assert [shown(order, size, presence).sum() for size in (3, 6, 9)] == [3, 6, 9]
    assert sorted(order) == list(range(10))


def test_as_many_classes_as_there_is_room_for():
    rng = np.random.default_rng(0)
    for seed in range(30):
        presence = rng.random((9, 6)) < 0.3
        order = draw_order(presence, [2], seed)
        best = max(
            presence[list(pair)].any(0).sum()
            for pair in itertools.combinations(range(9), 2)
        )
        assert shown(order, 2, presence).sum() >= best - 1


def test_covering_when_no_image_can_be_spared():
    # Swapping one by one is stuck with images that each show one class alone.
    presence = np.array(
        [[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]], bool
    )
    for seed in range(20):
        assert shown(draw_order(presence, [2], seed), 2, presence).all()


def test_published_orders():
    ids = ["a/1", "a/2", "b/1"]
    assert apply_order(ids, ["b/1", "a/1", "a/2"]) == [2, 0, 1]
    assert apply_order(ids, ["2", "0", "1"]) == [2, 0, 1]
    assert apply_order(["0", "1", "7"], ["7", "0", "1"]) == [2, 0, 1]
    with pytest.raises(ValueError, match="2 positions up to 1, but there are 3 ids"):
        apply_order(ids, ["0", "1"])
    with pytest.raises(ValueError, match="not in it: a/2; only in it: c; twice in it"):
        apply_order(ids, ["a/1", "b/1", "c", "c"])


def save(path, values, mode=np.uint8):
    Image.fromarray(np.array(values, mode)).save(path)
    return str(path)


@pytest.mark.parametrize("workers", [1, 2])
def test_pixels_are_counted(tmp_path, workers):
    paths = [save(tmp_path / f"{i}.png", [[i % 3, 0, 255]]) for i in range(70)]
    counts = count_pixels(paths, 3, 255, workers, lambda line: None)
    assert counts.shape == (70, 3)
    assert counts[0].tolist() == [2, 0, 0]
    assert counts[68].tolist() == [1, 0, 1]


def test_wrong_masks_are_all_named(tmp_path):
    paths = [
        save(tmp_path / "a.png", [[3, 1]]),
        save(tmp_path / "b.png", [[[1, 2, 3]]]),
        save(tmp_path / "c.png", [[256, 0]], np.uint16),
        str(tmp_path / "d.png"),
        save(tmp_path / "e.png", [[0]]),
    ]
    (tmp_path / "d.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"4 of 5 masks are wrong") as error:
        count_pixels(paths, 3, 255, 1, lambda line: None)
    text = str(error.value)
    assert "a.png: values [3]; allowed: 0 to 2 and 255" in text
    assert "b.png: colours in place of class numbers" in text
    assert "c.png: " in text
    assert "none may be over 255" in text
    assert "d.png: the file is empty" in text
