from __future__ import annotations

import json

import pytest
from annotated import draw_predictions


def test_masks_and_problems(run_tool, tmp_path, capsys):
    draw_predictions(tmp_path, {"a.png": (8, 9), "b.png": (8, 9)})
    (tmp_path / "photos" / "b.png").unlink()
    out = tmp_path / "masks.json"
    with pytest.raises(SystemExit) as stop:
        run_tool(
            "export_masks.py", tmp_path / "predictions", "--format", "label-studio",
            "--out", out, "--image-prefix", "s3://bucket/",
        )  # fmt: skip
    printed = capsys.readouterr()
    assert stop.value.code == 1
    assert printed.out == f"1 masks in {out}\n"
    assert printed.err.startswith("left out b: ")
    assert printed.err.count("\n") == 1
    (task,) = json.loads(out.read_text())
    assert task["data"] == {"image": "s3://bucket/a.png", "name": "a.png"}


def test_an_empty_store(run_tool, tmp_path):
    draw_predictions(tmp_path, {"a.png": (8, 9)})
    record = tmp_path / "predictions" / "predictions.json"
    record.write_text(record.read_text().replace('"images": [', '"images": [], "n": ['))
    with pytest.raises(SystemExit, match="^error: .*/predictions has no mask$"):
        run_tool(
            "export_masks.py", tmp_path / "predictions", "--format", "cvat",
            "--out", tmp_path / "a.xml",
        )  # fmt: skip
