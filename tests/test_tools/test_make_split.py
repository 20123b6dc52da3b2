from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmseg_semisup.datasets.lists import read_ids
from mmseg_semisup.datasets.splits import split_path


@pytest.fixture
def masks(tmp_path):
    """Forty masks of three classes; two of them show the last one."""
    folder = tmp_path / "masks"
    folder.mkdir()
    for i in range(40):
        mask = np.zeros((4, 4), np.uint8)
        mask[0] = 255
        mask[1, i % 4] = 1
        mask[2] = 2 if i in (5, 30) else 0
        Image.fromarray(mask).save(folder / f"{i:02d}.png")
    return folder


@pytest.fixture
def split(run_tool, masks, tmp_path):
    """Runs the tool, and returns the lists that it wrote."""

    def run(*options, masks=masks):
        options = ("--workers", 1, *options)
        if masks is not None:
            options = ("--masks", masks, *options)
        run_tool("make_split.py", *options, "--out", tmp_path / "out")
        return {path.stem: read_ids(path) for path in (tmp_path / "out").iterdir()}

    return run


def test_lists_are_nested_disjoint_and_whole(split, capsys):
    lists = split("--num-classes", 3, "--fractions", "1/4", "1/8", "20")
    assert {name: len(ids) for name, ids in lists.items()} == {
        "1_8_labeled": 5,
        "1_8_unlabeled": 35,
        "1_4_labeled": 10,
        "1_4_unlabeled": 30,
        "20_labeled": 20,
        "20_unlabeled": 20,
    }
    everything = [f"{i:02d}" for i in range(40)]
    for size in ("1_8", "1_4", "20"):
        labeled = lists[f"{size}_labeled"]
        assert sorted(labeled + lists[f"{size}_unlabeled"]) == everything
        assert {"05", "30"} & set(labeled)
    assert set(lists["1_8_labeled"]) < set(lists["1_4_labeled"])
    assert set(lists["1_4_labeled"]) < set(lists["20_labeled"])
    out = capsys.readouterr().out
    table = [line.split() for line in out.splitlines() if line[0] in "i "]
    assert table[0][4:] == ["all", "(40)", "1/8", "(5)", "1/4", "(10)", "20", "(20)"]
    assert table[3][:4] == ["2", "2", "2", "(1.67%)"]
    assert "warning" not in out


def test_the_seed_decides(split):
    options = ("--num-classes", 3, "--fractions", "1/4", "--force")
    first = split(*options)
    assert split(*options) == first
    assert split(*options, "--seed", 1) != first


def test_classes_for_which_there_is_no_room(split, masks, capsys):
    for name in ("05", "30"):
        Image.fromarray(np.full((4, 4), 2, np.uint8)).save(masks / f"{name}.png")
    names = ("sky", "road", "car", "ship")
    split("--classes", *names, "--fractions", "1", "2")
    out = capsys.readouterr().out
    assert "warning: no image at all shows ship" in out
    assert "warning: 1 does not show car" in out
    assert "warning: 2" not in out


def test_nothing_is_overwritten_by_mistake(split, tmp_path):
    options = ("--num-classes", 3, "--fractions", "1/4")
    first = split(*options)
    with pytest.raises(SystemExit, match=r"1_4_labeled\.txt, .* exist; --force"):
        split(*options, "--seed", 1)
    unchanged = {path.stem: read_ids(path) for path in (tmp_path / "out").iterdir()}
    assert unchanged == first
    assert split(*options, "--seed", 1, "--force") != first


def test_published_lists_and_orders(split):
    name = "split:voc12aug/train_aug.txt"
    order = "split:voc12aug/mittal_permutation.txt"
    lists = split("--list", name, "--fractions", "1322", "--order", order, masks=None)
    published = read_ids(split_path("split:voc12aug/mittal_1322_labeled.txt"))
    assert sorted(published) == lists["1322_labeled"]


def test_positions_count_in_the_sorted_ids(split, tmp_path):
    images = tmp_path / "train"
    for name in ("ulm/u_1", "aachen/a_2", "aachen/a_1"):
        path = images / f"{name}_left.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "order.txt").write_text("2\n0\n1\n")
    lists = split(
        *("--images", images, "--image-suffix", "_left.png"),
        *("--fractions", 1, 2, "--order", tmp_path / "order.txt"),
        masks=None,
    )
    assert lists["1_labeled"] == ["ulm/u_1"]
    assert lists["2_labeled"] == ["aachen/a_1", "ulm/u_1"]


def test_mistakes_in_plain_words(split, tmp_path):
    three = ("--num-classes", 3, "--fractions", "1/4")
    listed = tmp_path / "ids.txt"

    listed.write_text("00\n01\n99\n")
    with pytest.raises(SystemExit, match="error: no mask in .* for 99"):
        split("--list", listed, *three)
    listed.write_text("00\n01.png\n01\n")
    with pytest.raises(SystemExit, match="ids more than once: 01"):
        split("--list", listed, *three)
    listed.write_text("")
    with pytest.raises(SystemExit, match="no ids in"):
        split("--list", listed, *three)
    with pytest.raises(SystemExit, match="needs --classes or --num-classes"):
        split("--fractions", "1/4")
    with pytest.raises(SystemExit, match=r"'1/99' of 40 images are 0"):
        split("--num-classes", 3, "--fractions", "1/99")
    with pytest.raises(SystemExit, match="one of --list, --images and --masks"):
        split("--fractions", "1/4", masks=None)
    with pytest.raises(SystemExit, match=r"2 of 40 masks .*\n.*05.png: values \[2\]"):
        split("--num-classes", 2, "--fractions", "1/4")
    assert not list((tmp_path / "out").glob("*"))
