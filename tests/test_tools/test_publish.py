from __future__ import annotations

import hashlib
import sys
from types import SimpleNamespace

import pytest
import torch
from mmseg.apis import inference_model, init_model
from PIL import Image


def test_the_folder_of_a_network(
    run_tool, config, checkpoint, images, tmp_path, capsys
):
    out = tmp_path / "published"
    options = "--network", "teacher", "--title", "Cats *and* dogs", "--licence", "mit"
    run_tool("publish.py", config, checkpoint, "--out", out, *options)
    names = {"config.py", "model.pth", "README.md", "SHA256SUMS"}
    assert {path.name for path in out.iterdir()} == names
    lines = (out / "SHA256SUMS").read_text().splitlines()
    sums = {name: value for value, name in (line.split("  ") for line in lines)}
    assert set(sums) == names - {"SHA256SUMS"}
    for name, value in sums.items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == value
    card = (out / "README.md").read_text()
    assert r"# Cats \*and\* dogs" in card
    assert "| iteration of these weights | 7 of not known |" in card
    assert sums["model.pth"] in card
    torch.load(out / "model.pth", weights_only=True)
    model = init_model(str(out / "config.py"), str(out / "model.pth"), device="cpu")
    found = inference_model(model, str(images / "a.jpg")).pred_sem_seg.data[0]
    plain = out / "config.py", out / "model.pth"
    run_tool("predict.py", *plain, images, "--out", tmp_path / "predictions")
    mask = Image.open(tmp_path / "predictions" / "masks" / "a.png")
    assert torch.equal(torch.tensor(list(mask.tobytes())).reshape(found.shape), found)


def test_nothing_is_uploaded_unasked(
    run_tool, config, checkpoint, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    out = tmp_path / "out"
    run_tool("publish.py", config, checkpoint, "--out", out)
    assert (out / "README.md").is_file()
    with pytest.raises(SystemExit, match="huggingface_hub, which is not installed"):
        run_tool("publish.py", config, checkpoint, "--out", out, "--push-to", "me/cats")
    pushed = []
    hub = SimpleNamespace(
        HfApi=lambda: SimpleNamespace(
            create_repo=lambda name, **more: pushed.append((name, more["private"])),
            upload_folder=lambda **more: pushed.append(more["allow_patterns"]),
        )
    )
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    run_tool("publish.py", config, checkpoint, "--out", out, "--push-to", "me/cats")
    names = ["config.py", "model.pth", "README.md", "SHA256SUMS"]
    assert pushed == [("me/cats", True), names]


def test_mistakes(run_tool, config, checkpoint, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(SystemExit, match=r"network='tacher'.*did you mean 'teacher'"):
        run_tool("publish.py", config, checkpoint, "--out", out, "--network", "tacher")
    with pytest.raises(SystemExit, match="--push-to 'cats'; allowed: OWNER/NAME"):
        run_tool("publish.py", config, checkpoint, "--out", out, "--push-to", "cats")
