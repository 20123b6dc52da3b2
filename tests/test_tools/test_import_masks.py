"""The tool, and docs/annotation.md: its commands run in order."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from annotated import CLASSES, draw_predictions, read
from plain_configs import draw_images

from .test_five_minutes import SMALL, blocks, commands


def export_and_import(run_tool, tmp_path, *options):
    masks = draw_predictions(tmp_path, {"a.png": (8, 9), "x/b.png": (8, 9)})
    file = tmp_path / "a.xml"
    run_tool(
        "export_masks.py", tmp_path / "predictions", "--format", "cvat", "--out", file
    )
    run_tool(
        "import_masks.py", file, "--images", tmp_path / "photos",
        "--out", tmp_path / "new", *options,
    )  # fmt: skip
    return masks


def test_there_and_back(run_tool, tmp_path, capsys):
    masks = export_and_import(run_tool, tmp_path, "--store", tmp_path / "predictions")
    for name, mask in masks.items():
        assert np.array_equal(read(tmp_path / "new" / "masks" / name), mask)
    assert (tmp_path / "new" / "labeled.txt").read_text() == "a\nx/b\n"
    assert "2 masks in" in capsys.readouterr().out


def test_images_without_annotation_are_counted(run_tool, tmp_path, capsys):
    """With a confidence that no prediction has, the file of the tool has no mask."""
    draw_predictions(tmp_path, {"a.png": (8, 9), "x/b.png": (8, 9)})
    store, file = tmp_path / "predictions", tmp_path / "a.xml"
    options = ("--format", "cvat", "--smallest", "1000", "--out", file)
    run_tool("export_masks.py", store, *options)
    run_tool(
        "import_masks.py", file, "--images", tmp_path / "photos",
        "--out", tmp_path / "new", "--store", store,
    )  # fmt: skip
    error = capsys.readouterr().err
    assert "2 of them have no annotation: all their pixels are background" in error


def test_other_classes(run_tool, tmp_path, capsys):
    names = ["background", "vehicle", "tree"]
    rename = ["car=vehicle", f"{CLASSES[2]}=tree"]
    masks = export_and_import(
        run_tool, tmp_path, "--classes", *names, "--rename", *rename
    )
    mask = read(tmp_path / "new" / "masks" / "a.png")
    assert np.array_equal(mask, masks["a.png"])
    shutil.rmtree(tmp_path / "new")
    with pytest.raises(SystemExit):
        export_and_import(run_tool, tmp_path, "--classes", *names)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"left out {name!r} is no class; there are background, vehicle, tree (in 2 "
        "images, left out)"
        for name in CLASSES[1:]
    ]


def test_a_pair_without_a_sign(run_tool, tmp_path):
    with pytest.raises(SystemExit, match="--rename 'auto'; allowed: TOOL=CLASS"):
        export_and_import(run_tool, tmp_path, "--classes", "car", "--rename", "auto")


def correct(path: Path, target: Path) -> None:
    """What a person and CVAT do: remove a photo and an object, and export the task."""
    tree = ElementTree.parse(path)
    images = list(tree.getroot().iter("image"))
    tree.getroot().remove(images.pop())
    for image in images:
        image.set("id", str(int(image.get("id")) + 100))
    with_masks = next(image for image in images if len(image))
    with_masks.remove(with_masks[0])
    tree.write(target)


@pytest.mark.slow
def test_from_predictions_to_the_tool_and_back(tmp_path, monkeypatch, run_tool):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "data" / "mine"
    draw_images(root, images=4, masks=4)
    shutil.copytree(root / "train" / "images", tmp_path / "photos")
    (code,) = blocks("own_images.md", "python")
    code = code.replace("(256, 256)", "(32, 40)").replace("(1024, 512)", "(56, 56)")
    Path("my_config.py").write_text(code, encoding="utf-8")
    run_tool(
        "train.py", "my_config.py", "--method", "supervised", "--work-dir", "results",
        "--cfg-options", *SMALL,
    )  # fmt: skip
    for command in commands("annotation.md"):
        tool = Path(command[1]).name
        arguments = [word.replace("iter_5000", "iter_2") for word in command[2:]]
        if tool == "train.py":
            arguments += ["--cfg-options", *SMALL]
        # The network of two iterations is sure of nothing.
        arguments = [word.replace("0.9", "0.1") for word in arguments]
        run_tool(tool, *arguments)
        if tool == "export_masks.py" and "cvat" in command:
            correct(Path("masks.xml"), Path("corrected.xml"))
    assert len(list(Path("corrected/masks").iterdir())) == 3
    assert Path("next/iter_2.pth").is_file()
