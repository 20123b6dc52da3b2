"""``tools/export.py --onnx``, and the example of the documents without PyTorch."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.export.onnx_packages import PACKAGES
from mmseg_semisup.export.predictor import Predictor

onnxruntime = pytest.importorskip("onnxruntime")
for package in PACKAGES:
    pytest.importorskip(package)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "onnx.md"
CASES = {
    "student": ("student", ("logits", "classes", "confidence"), "image"),
    "teacher": ("teacher", ("classes", "confidence"), "image"),
    "tensor": ("student", ("logits",), "tensor"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_file_predicts_what_the_network_does(
    run_tool, config, checkpoint, images, tmp_path, capsys, case
):
    network, outputs, source = CASES[case]
    out = tmp_path / "exported"
    options = ["--network", network, "--onnx", "--images", images]
    options += ["--onnx-input", source, "--onnx-outputs", *outputs]
    run_tool("export.py", config, checkpoint, "--out", out, *options)
    assert "on 3 images, onnxruntime and PyTorch agree" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(out / "model.onnx")
    assert [o.name for o in session.get_outputs()] == list(outputs)
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["classes"]) == ["ground", "cat", "dog"]
    assert json.loads(about["network"]) == network
    predict = Predictor(
        Config.fromfile(config), load_checkpoint_file(checkpoint), network
    )
    # Of odd sizes, which the model pads to even ones.
    pixels = np.random.default_rng(1).integers(0, 256, (47, 31, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "odd.png")
    predict.load.pipeline.pop(1)
    expected = predict(tmp_path / "odd.png")
    given = pixels if source == "image" else (pixels.transpose(2, 0, 1) - 120.0) / 60
    dtype = np.uint8 if source == "image" else np.float32
    values = session.run(None, {source: given[None].astype(dtype)})
    found = dict(zip(outputs, values, strict=True))
    if "classes" in outputs:
        np.testing.assert_array_equal(found["classes"][0], expected.labels)
        np.testing.assert_allclose(
            found["confidence"][0], expected.confidence, atol=1e-5
        )
    if "logits" in outputs:
        labels = found["logits"][0].argmax(axis=0)
        np.testing.assert_array_equal(labels, expected.labels)


@pytest.mark.slow
def test_the_example_of_the_documents_needs_no_torch(
    run_tool, config, checkpoint, images, tmp_path
):
    """It predicts what ``tools/predict.py`` does, which also resizes the image."""
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(example.splitlines()) <= 20
    out = tmp_path / "plain"
    run_tool(
        "export.py", config, checkpoint, "--out", out, "--onnx", "--images", images
    )
    run_tool("predict.py", config, checkpoint, images / "a.jpg", "--out", tmp_path)
    without = "import sys; sys.modules['torch'] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", without + example, out / "model.onnx", images / "a.jpg"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    expected = Image.open(tmp_path / "masks" / "a.png")
    found = np.array(Image.open(tmp_path / "mask.png").convert("RGB"))
    same = (found == np.array(expected.convert("RGB"))).all(axis=2)
    # The tool resizes logits, and the example classes.
    assert same.mean() > 0.9
    assert "ground" in done.stdout or "cat" in done.stdout


def test_a_missing_package_is_named(
    run_tool, config, checkpoint, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(SystemExit, match=r"onnxscript, which is not installed; run"):
        run_tool("export.py", config, checkpoint, "--out", tmp_path / "out", "--onnx")
    assert not (tmp_path / "out").exists()


def test_without_images_to_compare_on(run_tool, config, checkpoint, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(SystemExit, match="no validation images; give .*--images"):
        run_tool("export.py", config, checkpoint, "--out", out, "--onnx")
    assert not (out / "model.onnx").exists()
