from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_training import DATA, MODEL, write_checkpoint, write_data

from mmseg_semisup.label_next.scorer import Scorer


@pytest.fixture
def config(tmp_path) -> Path:
    """The file of a tiny training with a teacher, whose images 0 and 1 have masks."""
    root = write_data(tmp_path / "data", images=12, labeled=2)
    path = tmp_path / "tiny.py"
    unlabeled = "unlabeled.update(exclude='source:labeled')\n"
    path.write_text(f"data_root = {str(root)!r}\n{MODEL}{DATA}{unlabeled}")
    return path


@pytest.fixture
def run(run_tool, config, tmp_path):
    """Runs the tool into ``tmp_path / NAME`` and returns the rows of its table."""
    checkpoint = write_checkpoint(config)

    def label_next(name: str, *arguments) -> list[dict[str, str]]:
        out = tmp_path / name
        run_tool(
            "label_next.py",
            *(config, checkpoint, "--out", out, "--device", "cpu", *arguments),
        )
        return rows_of(out)

    return label_next


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "label_next.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def stems(rows) -> list[str]:
    return [Path(row["image"]).stem for row in rows]


def files_of(out: Path) -> list[str]:
    found = (p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    return sorted(name for name in found if not name.startswith("."))


def test_a_batch_of_the_unlabelled_images(run, tmp_path, capsys):
    rows = run("out", "--count", 9)
    out = tmp_path / "out"
    assert len(set(stems(rows))) == 9
    assert not {"0", "1"} & set(stems(rows))
    assert [row["rank"] for row in rows] == [str(n) for n in range(1, 10)]
    assert all(row["reasons"] for row in rows)
    assert files_of(out) == [
        "images.txt",
        "label_next.csv",
        "labeled.txt",
        "scores/labeled_00000.npz",
        "scores/request.json",
        "scores/unlabeled_00000.npz",
        "sheets/01.jpg",
        "sheets/02.jpg",
    ]
    # A row has a title and a height, the legend and the scale follow.
    eight, one = (Image.open(out / "sheets" / f"0{n}.jpg").size for n in (1, 2))
    assert eight[1] > 8 * 240
    assert 240 < one[1] < 2 * 240
    listed = (out / "labeled.txt").read_text().split()
    assert listed == ["0", "1", *stems(rows)]
    printed = capsys.readouterr().out
    assert "9 of 10 images chosen" in printed
    assert "10/10 unlabeled images" in printed
    assert "--labeled" in printed


def test_it_picks_again_without_the_network(run, tmp_path, monkeypatch):
    first = run("out", "--count", 9)
    monkeypatch.setattr(Scorer, "score", lambda *_: pytest.fail("scored again"))
    again = run("out", "--count", 9)
    assert again == first
    assert len(run("out", "--count", 3, "--strategy", "random")) == 3
    assert (tmp_path / "out/sheets/01.jpg").is_file()
    assert not (tmp_path / "out/sheets/02.jpg").exists()


def test_the_same_command_gives_the_same_batch(run):
    assert run("one", "--count", 4) == run("other", "--count", 4)


def test_scores_of_other_networks_are_refused(run):
    run("out", "--count", 2)
    with pytest.raises(SystemExit, match=r"another way: networks was"):
        run("out", "--count", 2, "--network", "student")


def test_damaged_images_fewer_than_asked_for_and_equal_ones(run, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    for name in ("a", "b", "c"):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    (folder / "d.png").write_bytes((folder / "a.png").read_bytes()[:-60])
    (folder / "e.jpg").write_bytes(b"no image")
    with pytest.raises(SystemExit) as ended:
        run("out", "--images", folder)
    assert ended.value.code == 1
    rows = rows_of(tmp_path / "out")
    assert stems(rows) == ["a", "b", "c"]
    assert "looks like" not in rows[0]["reasons"]
    assert all("looks like" in row["reasons"] for row in rows[1:])
    captured = capsys.readouterr()
    assert "3 of 5 images chosen" in captured.out
    assert "there are no more than 3 images" in captured.out
    assert "no labeled.txt" in captured.out
    assert f"skipped {folder / 'e.jpg'}: not an image" in captured.err
    assert f"skipped {folder / 'd.png'}: " in captured.err


def test_a_picture_that_cannot_be_drawn_is_named(run, capsys):
    rows = run("out", "--count", 2)
    damaged = Path(rows[1]["image"])
    damaged.write_bytes(b"no image")
    assert run("out", "--count", 2) == rows
    assert f"no picture of {damaged}: " in capsys.readouterr().out


def test_an_option_out_of_its_range(run, capsys):
    with pytest.raises(SystemExit):
        run("out", "--count", 0)
    assert "--count 0: must be at least 1" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="network='techer'"):
        run("out", "--network", "techer")
