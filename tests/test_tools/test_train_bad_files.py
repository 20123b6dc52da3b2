"""A file that turns out to be damaged while a tool runs ends it with one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def damage(path: Path) -> None:
    """Write an image, and zeros into its middle."""
    with Image.open(path) as image:
        size = image.size
    noise = np.random.default_rng(0).integers(0, 256, (24, 18, 3), np.uint8)
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(path, quality=99)
    content = bytearray(path.read_bytes())
    middle = content.index(b"\xff\xda") + 60
    content[middle : len(content) - 60] = bytes(len(content) - 60 - middle)
    path.write_bytes(content)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("loader", ["train_dataloader", "val_dataloader"])
def test_a_damaged_image(run_tool, training, tmp_path, capfd, loader, workers):
    root = next(path.parent for path in tmp_path.rglob("labeled.txt"))
    own = root / "own"
    for kind, suffix in (("images", "jpg"), ("masks", "png")):
        (own / kind).mkdir(parents=True)
        content = (root / kind / f"1.{suffix}").read_bytes()
        (own / kind / f"9.{suffix}").write_bytes(content)
    (root / "own.txt").write_text("9")
    prefix = "dict(img_path='own/images', seg_map_path='own/masks')"
    validated = f"ann_file='own.txt', data_prefix={prefix}"
    lines = f"val_dataloader['dataset'] = dict(val_dataloader['dataset'], {validated})"
    training.write_text(f"{training.read_text()}\n{lines}\n")
    labeled = root / "images" / "1.jpg"
    damaged = labeled if loader == "train_dataloader" else own / "images" / "9.jpg"
    damage(damaged)
    option = f"{loader}.num_workers={workers}"
    with pytest.raises(SystemExit) as ended:
        run_tool(
            "train.py",
            training,
            "--work-dir",
            tmp_path / "work",
            "--no-dry-run",
            "--cfg-options",
            option,
        )
    message = str(ended.value.code)
    assert message.startswith(f"error: {damaged}: the file is damaged: Corrupt JPEG")
    assert "\n" not in message
    assert "Corrupt JPEG" not in capfd.readouterr().err
