"""Images of five channels and 16 bits, from the check to the annotation tool."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from channel_images import channel_config, draw
from PIL import Image

pytest.importorskip("tifffile")


@pytest.mark.slow
def test_the_whole_path(tmp_path, monkeypatch, run_tool, capsys):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "data" / "train", ["a", "b", "c"])
    draw(tmp_path / "data" / "val", ["v"])
    draw(tmp_path / "more", ["d", "e", "f"], masks=False)
    cfg = channel_config("data")
    cfg.visualizer = dict(
        type="SegLegendVisualizer", vis_backends=[dict(type="LocalVisBackend")]
    )
    cfg.merge_from_dict(
        {"default_hooks.visualization": dict(type="SegVisualizationHook")}
    )
    cfg.dump("config.py")
    method = ["--method", "unimatch_v1", "--unlabeled", "more/images"]
    run_tool("check_data.py", "config.py", *method, "--full")
    assert "no problems" in capsys.readouterr().out
    run_tool("train.py", "config.py", *method, "--work-dir", "out")
    trained = ["out/config.py", "out/iter_2.pth"]
    run_tool("predict.py", *trained, "more/images", "--out", "seen", "--confidence")
    mask = np.array(Image.open("seen/masks/d.png"))
    assert mask.shape == (36, 44)
    assert Image.open("seen/overlays/d.jpg").size[0] >= 44
    run_tool("test.py", *trained, "--show-dir", "shown")
    (shown,) = (tmp_path / "shown").rglob("*.png")
    assert Image.open(shown).size[0] > 3 * 44
    run_tool("label_next.py", *trained, "--out", "next", "--count", 2)
    assert Image.open("next/sheets/01.jpg").size[1] > 2 * 240
    assert len((tmp_path / "next" / "images.txt").read_text().split()) == 2
    run_tool("generate_pseudo_masks.py", *trained, "--out", "store")
    export = ["--format", "coco", "--out", "masks.json", "--background", "none"]
    for folder, count in (("seen", 3), ("store", 6)):
        run_tool("export_masks.py", folder, *export)
        images = json.loads((tmp_path / "masks.json").read_text())["images"]
        assert images[-1]["file_name"].endswith("f.tif")
        assert len(images) == count
    run_tool("export.py", *trained, "--out", "plain")
    shutil.rmtree("seen")
    run_tool(
        "predict.py", "plain/config.py", "plain/model.pth", "more/images",
        "--out", "seen",
    )  # fmt: skip
    assert np.array_equal(np.array(Image.open("seen/masks/d.png")), mask)
