from __future__ import annotations

import pytest
from PIL import Image

LATENT = """
model.update(objectives=[
    dict(
        type='LatentClassObjective',
        head=dict(model['segmentor']['decode_head'], num_classes=5),
        num_classes=3, update_rate=0.5, start=0)])
optim_wrapper.pop('discriminator')
custom_hooks.append(dict(type='LatentClassHook', images=2))
"""


@pytest.fixture
def latent_training(training):
    training.write_text(training.read_text() + LATENT)
    return training


def test_pictures_while_training_and_afterwards(
    run_tool, latent_training, tmp_path, capsys
):
    work_dir = tmp_path / "run"
    run_tool("train.py", latent_training, "--work-dir", work_dir)
    logged = {p.stem for p in work_dir.rglob("vis_data/vis_image/*.png")}
    assert {"latent_table_4", "latent_classes_4"} <= logged
    log = next(work_dir.rglob("*.log")).read_text()
    assert "Super-categories found:" in log
    assert "latent_class.used@0.1" in log

    capsys.readouterr()
    out = tmp_path / "out"
    run_tool(
        "latent_classes.py", latent_training, work_dir / "iter_4.pth", "--out", out,
        "--count", 3, "--no-photos", "--threshold", 0.3,
    )  # fmt: skip
    text = capsys.readouterr().out
    assert "used@0.9: " in text
    assert "latent class" in text
    assert all(name in text for name in ("ground", "cat", "dog"))
    assert Image.open(out / "latent_table.png").size[0] > 100
    with_photos = tmp_path / "photos"
    run_tool(
        "latent_classes.py", latent_training, work_dir / "iter_4.pth", "--out",
        with_photos,
    )  # fmt: skip
    name = "latent_classes.png"
    assert Image.open(with_photos / name).width > Image.open(out / name).width


def test_a_model_without_latent_classes_is_named(
    run_tool, config, checkpoint, tmp_path
):
    with pytest.raises(SystemExit, match="no LatentClassObjective"):
        run_tool("latent_classes.py", config, checkpoint, "--out", tmp_path / "out")
