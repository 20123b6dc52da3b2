"""Folders, files and classes whose names are anything that a file system allows."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from tiny_training import write_adversarial, write_stages

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import run_tool as finish
from mmseg_semisup.cli.launch import set_work_dir
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.find_checkpoint import find_whole_checkpoint
from mmseg_semisup.datasets.lists import read_ids
from mmseg_semisup.datasets.pseudo_mask_store import Store
from mmseg_semisup.engine.resume import set_checkpoint
from mmseg_semisup.export.prediction_files import find_images
from mmseg_semisup.stages.record import Record

ODD = "- a'b\"c%d {} {name} \n [x]*é图\u202e\udcff$HOME~"
"""A quote of each kind, formats, a new line, patterns, letters of other scripts, a
mark that turns the direction of writing, a byte that is no text, a variable."""
LONGEST = 255
"""Bytes of a name in most file systems."""
# xdist cannot send a warning that quotes a byte that is no text.
quiet = pytest.mark.filterwarnings("ignore::UserWarning")
TOO_LONG = "x" * (LONGEST + 1)
TOO_DEEP = "a/" * 3000


def open_work_dir(name: str) -> None:
    set_work_dir(Config(), name, "config.py")


READERS: dict[str, Callable[[str], object]] = {
    "config": load_config,
    "--load-from": lambda name: set_checkpoint(Config({"work_dir": "."}), None, name),
    "--resume": lambda name: set_checkpoint(Config({"work_dir": "."}), name),
    "work-dir": open_work_dir,
    "checkpoint": load_checkpoint_file,
    "images": lambda name: find_images([name]),
    "list": read_ids,
    "store": lambda name: Store(name).read_manifest(),
}


@pytest.mark.parametrize("name", [TOO_LONG, TOO_DEEP, "a\0b", ODD], ids=ascii)
@pytest.mark.parametrize("reader", READERS)
def test_what_cannot_be_is_refused_in_one_line(tmp_path, monkeypatch, reader, name):
    monkeypatch.chdir(tmp_path)
    if reader == "work-dir" and name == ODD:
        open_work_dir(name)
        assert os.listdir(tmp_path) == [name]
        return
    with pytest.raises(SystemExit, match=r"\Aerror: .+\Z") as ended:
        finish(lambda: READERS[reader](name))
    assert str(ended.value.code).isprintable()


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with an odd name."""
    folder = tmp_path / ODD
    folder.mkdir()
    return folder


@quiet
@pytest.mark.slow
def test_a_training_and_its_tools(run_tool, folder):
    """Config, images, work-dir and outputs, all of them with odd names."""
    config = write_adversarial(folder)
    config = config.rename(folder / f"{ODD}.py")
    work = folder / ("w" * LONGEST)
    stop = ("--cfg-options", "train_cfg.max_iters=2", "train_cfg.val_interval=2")
    run_tool("train.py", config, f"--work-dir={work}", *stop)
    resume = ("--resume", "--accept-changes")
    run_tool("train.py", config, f"--work-dir={work}", *resume)
    last = find_whole_checkpoint(work, pytest.fail)
    assert last == work / "iter_4.pth"
    run_tool("test.py", config, last, "--work-dir", work, "--out", folder / "out")
    masks = {path.stem for path in (folder / "out").iterdir()}
    assert masks == {"0", "1", "2", "3"}

    run_tool("export.py", config, last, "--out", folder / "exported")
    exported = folder / "exported"
    images = folder / "images"
    images.mkdir()
    longest = "y" * (LONGEST - len(".png"))
    for name in (ODD, longest):
        pixels = np.zeros((20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(images / f"{name}.png")
    (own,) = exported.glob("*.py")
    weights = exported / "model.pth"
    run_tool("predict.py", own, weights, images, "--out", folder / "predicted")
    predicted = {path.stem for path in (folder / "predicted" / "masks").iterdir()}
    assert predicted == {ODD, longest}


@quiet
@pytest.mark.slow
def test_stages(run_tool, folder):
    config, work = write_stages(folder), folder / ODD
    run_tool("train.py", config, "--work-dir", work)
    assert all(map(Record(work).is_finished, ("first", "second", "third")))
    assert find_whole_checkpoint(work / "third", pytest.fail) is not None


CLASSES = ["a/b", "{}", "%s", "'", '"', "é图", "x" * 300, "a\nb", " ", "\u202e", "IoU"]


@pytest.mark.slow
def test_classes(run_tool, training, tmp_path, capfd):
    """Scores, legends, checkpoints and masks of classes with odd names."""
    classes, colours = CLASSES, [[i, i, i] for i in range(len(CLASSES))]
    lines = (
        f"masks['metainfo'] = dict(classes={classes!r}, palette={colours!r})\n"
        "for part in (labeled, val_dataloader['dataset']):\n"
        "    part['metainfo'] = masks['metainfo']\n"
        f"model['segmentor']['decode_head']['num_classes'] = {len(classes)}\n"
    )
    training.write_text(training.read_text() + lines)
    work = tmp_path / "work"
    run_tool("train.py", training, "--work-dir", work)
    last = work / "iter_4.pth"
    meta = load_checkpoint_file(last)["meta"]["dataset_meta"]
    assert list(meta["classes"]) == classes
    out = tmp_path / "out"
    run_tool("predict.py", training, last, tmp_path / "data/images", "--out", out)
    assert len(list((out / "overlays").iterdir())) == 4
    shown = capfd.readouterr()
    assert "\u202e" not in shown.out + shown.err
    assert "mIoU" in shown.out
