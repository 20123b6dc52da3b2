"""docs/five_minutes.md, own_images.md and python.md: their commands and code run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from plain_configs import draw_images, plain_config

from mmseg_semisup.cli.config import load_config

DOCS = Path(__file__).resolve().parents[2] / "docs"
ITERS = 4


def blocks(page: str, language: str) -> list[str]:
    """Blocks of code of a page, for the few iterations of this test."""
    text = (DOCS / page).read_text(encoding="utf-8").replace("20000", str(ITERS))
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)


def commands(page: str) -> list[list[str]]:
    joined = "".join(blocks(page, "bash")).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in joined.splitlines()]


@pytest.fixture
def users_folder(tmp_path, monkeypatch) -> Path:
    """A plain config, the images that it names, and photos without masks."""
    draw_images(tmp_path / "data", images=3, masks=3)
    rng = np.random.default_rng(1)
    (tmp_path / "photos").mkdir()
    for name in ("one", "two", "three"):
        pixels = rng.integers(0, 256, (44, 52, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{name}.png")
    plain_config("data", ITERS).dump(tmp_path / "my_config.py")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_commands_of_the_five_minutes(users_folder, run_tool, capfd):
    (code,) = blocks("five_minutes.md", "python")
    Path("my_training.py").write_text(code, encoding="utf-8")
    checkpoint = Path(f"lower/iter_{ITERS}.pth")
    output, times = {}, set()
    for command in commands("five_minutes.md"):
        assert command[0] == "python"
        tool = Path(command[1]).name
        run_tool(tool, *command[2:])
        output[" ".join(command)] = capfd.readouterr().out
        if checkpoint.exists():
            times.add(checkpoint.stat().st_mtime_ns)
    masks = {path.stem for path in Path("predictions/masks").iterdir()}
    assert masks == {"one", "two", "three"}
    assert Path("plain/model.pth").is_file()
    printed = next(text for c, text in output.items() if "print_config" in c)
    documented = blocks("five_minutes.md", "text")[0]
    assert documented.split() == printed.split("# a step")[0].split()
    assert len(times) == 1, "the same training is trained twice"


def test_the_file_of_the_five_minutes_is_the_same_training(users_folder):
    (code,) = blocks("five_minutes.md", "python")
    Path("my_training.py").write_text(code, encoding="utf-8")
    threshold = {"method.objectives.consistency.threshold": 0.9}
    composition = {"method": "cutmix", "unlabeled": ["photos"]}
    typed = load_config("my_config.py", threshold, composition=composition)
    written = load_config("my_training.py")
    for cfg in (typed, written):
        assert cfg.model.objectives.consistency.threshold == 0.9
        cfg.pop("composed")
    assert typed._cfg_dict == written._cfg_dict


@pytest.mark.slow
def test_the_python_of_the_page(users_folder, restored_readers):
    names: dict = {}
    for code in blocks("python.md", "python"):
        exec(compile(code, "python.md", "exec"), names)
    assert {"student/mIoU", "teacher/mIoU"} <= set(names["metrics"])
    assert names["threshold"] == 0.95
    lower = names["runs"]["lower"].model.objectives.consistency
    assert lower.threshold == 0.8
    assert names["cfg"].load_from == str(Path("results", f"iter_{ITERS}.pth").resolve())
    assert names["labels"].shape == names["confidence"].shape == (44, 52)
    assert isinstance(names["plain"], Config)
    assert "method" not in names["plain"]


SMALL = [
    "model.backbone.init_cfg=None",
    "train_dataloader.num_workers=0",
    "train_dataloader.persistent_workers=False",
    "val_dataloader.num_workers=0",
    "val_dataloader.persistent_workers=False",
    "train_cfg.max_iters=2",
    "train_cfg.val_interval=2",
    "default_hooks.checkpoint.interval=2",
]
"""Options that let the training of docs/own_images.md end soon, without a download."""


@pytest.mark.slow
def test_own_images_from_a_folder_to_masks(tmp_path, monkeypatch, run_tool, capfd):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "data" / "mine"
    draw_images(root, images=24, masks=20)
    (code,) = blocks("own_images.md", "python")
    code = code.replace("(256, 256)", "(32, 40)").replace("(1024, 512)", "(56, 56)")
    Path("my_config.py").write_text(code, encoding="utf-8")
    for command in commands("own_images.md"):
        tool = Path(command[1]).name
        options = SMALL if tool == "train.py" else []
        arguments = [word.replace("iter_5000", "iter_2") for word in command[2:]]
        if options:
            arguments += ["--cfg-options", *options]
        run_tool(tool, *arguments)
        if tool == "check_data.py":
            found = capfd.readouterr().out
            assert "labeled 20, unlabeled 4, validation 2 images; no problems" in found
    masks = list(Path("predictions/masks").iterdir())
    assert len(masks) == 24
