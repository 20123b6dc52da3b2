"""Masks in colours, and a file of COCO, from the check to a validated training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from plain_configs import draw_images, plain_config

from mmseg_semisup.annotation_files import Labels
from mmseg_semisup.export.annotation_export import export_masks
from mmseg_semisup.export.mask_folders import read_mask_folder

CLASSES = ["background", "object"]
COLOURS = {"ground": [9, 9, 9], "thing": [200, 0, 0], "edge": [0, 0, 200]}
OWN = {
    "colours": dict(
        seg_map_template="{stem}_mask.png",
        mask_classes=COLOURS,
        class_map={"ground": "background", "thing": "object", "edge": None},
    ),
    "coco": dict(annotations="coco.json", class_map={"object": "object"}),
}


def convert(folder: Path, kind: str) -> None:
    """Give a folder of masks the form that a config reads."""
    if kind == "coco":
        found = read_mask_folder(folder / "masks", str(folder / "images"), CLASSES)
        labels = Labels.of(CLASSES)
        export_masks(found, folder / "coco.json", kind, labels, report=lambda _: None)
    table = np.array([[9, 9, 9], [200, 0, 0], *[[0, 0, 200]] * 254], np.uint8)
    for path in list((folder / "masks").iterdir()):
        if kind == "colours":
            target = path.with_name(f"{path.stem}_mask.png")
            Image.fromarray(table[np.array(Image.open(path))]).save(target)
        path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("kind", OWN)
def test_the_whole_path(tmp_path, monkeypatch, run_tool, capsys, kind):
    monkeypatch.chdir(tmp_path)
    draw_images(tmp_path / "data", images=6, masks=6)
    plain_config("data", 2).dump("plain.py")
    cfg = plain_config("data", 2)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.update(OWN[kind])
        if kind == "coco":
            loader.dataset.data_prefix = {"img_path": "images"}
    cfg.dump("own.py")
    names = sorted(p.stem for p in Path("data/train/images").iterdir())[:3]
    Path("labeled.txt").write_text("\n".join(names))
    method = ["--method", "cutmix", "--labeled", "labeled.txt"]
    shown, scores = {}, {}
    for name in ("plain", "own"):
        run_tool("check_data.py", f"{name}.py", *method, "--full")
        shown[name] = capsys.readouterr().out.partition("loading")[2]
        run_tool("train.py", f"{name}.py", *method, "--work-dir", name)
        (path,) = Path(name).glob("*/vis_data/scalars.json")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        scores[name] = [line for line in lines if "student/mIoU" in line]
        run_tool("generate_pseudo_masks.py", f"{name}/{name}.py", f"{name}/iter_2.pth",
                 "--out", f"{name}-store")  # fmt: skip
        shown[f"{name} quality"] = capsys.readouterr().out.rpartition(
            "pseudo-masks in"
        )[2]
        if name == "plain":
            for part in ("train", "val"):
                convert(tmp_path / "data" / part, kind)
    assert "no problems" in shown["own"]
    same = [{k: v for k, v in line.items() if "IoU" in k} for line in scores["own"]]
    assert same
    assert same == [
        {k: line[k] for k in s} for line, s in zip(scores["plain"], same, strict=True)
    ]
    quality = [shown[f"{name} quality"].partition("\n")[2] for name in ("plain", "own")]
    assert "IoU" in quality[0]
    assert quality[0] == quality[1]
