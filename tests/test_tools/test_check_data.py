from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

CONFIG = """
custom_imports = dict(imports=['mmseg_semisup'], allow_failed_imports=False)
load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
masks = dict(type='FolderDataset', classes=['a', 'b'], pipeline=load)
train_dataloader = dict(dataset=dict(type='SemiDataset', sources=dict(
    labeled=dict(masks, data_root=data_root + '/train'),
    unlabeled=dict(
        type='UnlabeledDataset', data_root=data_root + '/train',
        data_prefix=dict(img_path='images'), exclude='source:labeled',
        pipeline=load[:1]))))
val_dataloader = dict(dataset=dict(masks, data_root=data_root + '/val'))
"""


@pytest.fixture
def data(tmp_path):
    """Four images to train, two of them with masks of two classes, one to validate."""
    rng = np.random.default_rng(0)
    for part, images, masks in (("train", "abcd", "ab"), ("val", "v", "v")):
        for kind, names, size in (("images", images, (6, 8, 3)), ("masks", masks, 0)):
            for name in names:
                path = tmp_path / part / kind / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 2, size or (6, 8), dtype=np.uint8)
                Image.fromarray(pixels).save(path)
    return tmp_path


@pytest.fixture
def own_config(data):
    path = data / "own.py"
    path.write_text(f"data_root = {str(data)!r}\n{CONFIG}")
    return path


def test_good_data(run_tool, own_config, capsys):
    run_tool("check_data.py", own_config)
    out = capsys.readouterr().out
    assert "labeled 2, unlabeled 2, validation 1 images; no problems" in out
    run_tool("check_data.py", own_config, "--full", "--workers", 1)
    out = capsys.readouterr().out
    assert "loading 5 images with 1 process: about" in out
    assert "validation images" in out


def test_all_problems_in_one_report(run_tool, own_config, data, capsys):
    (data / "train/images/c.png").write_bytes(b"")
    Image.fromarray(np.full((6, 8), 2, np.uint8)).save(data / "train/masks/a.png")
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(data / "train/masks/b.png")
    with pytest.raises(SystemExit) as stopped:
        run_tool("check_data.py", own_config, "--full", "--workers", 1)
    assert stopped.value.code == 1
    out = capsys.readouterr().out
    assert "3 problems" in out
    assert "c.png: the file is empty" in out
    assert "a.png: values [2]; allowed: 0 to 1 (the classes) and 255" in out
    assert "no labelled image shows 'b' (class 1)" in out


def test_allowed_problems(run_tool, own_config, data, capsys):
    for name in "ab":
        Image.fromarray(np.zeros((6, 8), np.uint8)).save(
            data / f"train/masks/{name}.png"
        )
    options = ("--full", "--workers", 1)
    run_tool("check_data.py", own_config, *options, "--allow", "missing-class")
    assert "Allowed: classes without a labelled image" in capsys.readouterr().out
    hook = "custom_hooks=[dict(type='DataCheckHook', allow=['missing-class'])]"
    own_config.write_text(own_config.read_text() + hook)
    run_tool("check_data.py", own_config, *options)
    assert "no problems" in capsys.readouterr().out


def test_mistakes_on_the_command_line(run_tool, own_config, capsys):
    with pytest.raises(SystemExit, match="neither a file nor the name"):
        run_tool("check_data.py", "nowhere.py")
    with pytest.raises(SystemExit):
        run_tool("check_data.py", own_config, "--workers", 0)
    assert "must be at least 1" in capsys.readouterr().err


def test_training_stops_with_the_same_words(run_tool, training, tmp_path):
    labeled = "train_dataloader.dataset.sources.labeled"
    options = ("--work-dir", tmp_path / "work", "--cfg-options")
    with pytest.raises(SystemExit, match="^error: source 'labeled': there is no list"):
        run_tool("train.py", training, *options, f"{labeled}.ann_file=no.txt")
    hook = "custom_hooks = [dict(type='DataCheckHook'), *custom_hooks]"
    training.write_text(f"{training.read_text()}\n{hook}\n")
    with pytest.raises(SystemExit, match="labeled and unlabeled share 4 images"):
        run_tool("train.py", training, *options[:2])
