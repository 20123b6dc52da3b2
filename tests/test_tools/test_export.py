from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.apis import MMSegInferencer, inference_model, init_model
from mmseg.registry import MODELS

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.export.plain_model import plain_config
from mmseg_semisup.export.predictor import load_model

WITHOUT_PACKAGE = """
import sys
sys.modules['mmseg_semisup'] = None  # importing it raises ImportError
import numpy as np
from mmseg.apis import inference_model, init_model
model = init_model(sys.argv[1], sys.argv[2], device='cpu')
result = inference_model(model, sys.argv[3])
np.save(sys.argv[4], result.seg_logits.data.numpy())
assert list(model.dataset_meta['classes']) == ['ground', 'cat', 'dog']
"""


def _logits(config, checkpoint, network, image) -> torch.Tensor:
    """Logits of the original model on an image, through its own test step."""
    cfg = Config.fromfile(config)
    model = load_model(cfg, load_checkpoint_file(checkpoint), network)
    model.cfg = cfg
    return inference_model(model, str(image)).seg_logits.data


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_same_predictions_bit_for_bit(
    run_tool, config, checkpoint, images, tmp_path, network
):
    out = tmp_path / "exported"
    run_tool("export.py", config, checkpoint, "--out", out, "--network", network)
    model = init_model(str(out / "config.py"), str(out / "model.pth"), device="cpu")
    assert type(model).__module__.startswith("mmseg.")
    for image in (images / "a.jpg", images / "b.png"):
        found = inference_model(model, str(image)).seg_logits.data
        assert torch.equal(found, _logits(config, checkpoint, network, image))


def test_student_and_teacher_differ(config, checkpoint, images):
    image = images / "a.jpg"
    logits = [_logits(config, checkpoint, n, image) for n in ("student", "teacher")]
    assert not torch.equal(*logits)


def test_inferencer_reads_it(run_tool, config, checkpoint, images, tmp_path):
    out = tmp_path / "exported"
    run_tool("export.py", config, checkpoint, "--out", out)
    inferencer = MMSegInferencer(
        str(out / "config.py"), str(out / "model.pth"), device="cpu"
    )
    inferencer.show_progress = False
    mask = inferencer(str(images / "a.jpg"))["predictions"]
    expected = _logits(config, checkpoint, "student", images / "a.jpg").argmax(0)
    np.testing.assert_array_equal(mask, expected.numpy())


@pytest.mark.slow
def test_works_without_this_package(run_tool, config, checkpoint, images, tmp_path):
    out, image = tmp_path / "exported", images / "a.jpg"
    run_tool("export.py", config, checkpoint, "--out", out)
    files = [out / "config.py", out / "model.pth", image, tmp_path / "logits.npy"]
    subprocess.run(
        [sys.executable, "-c", WITHOUT_PACKAGE, *map(str, files)],
        check=True,
        cwd=tmp_path,
    )
    expected = _logits(config, checkpoint, "student", image)
    np.testing.assert_array_equal(np.load(files[-1]), expected.numpy())


def test_own_parts_are_imported_and_named(config):
    cfg = Config.fromfile(config)
    assert "custom_imports" not in plain_config(cfg)
    cfg.model.segmentor.backbone = dict(type="EfficientNetLite")
    exported = plain_config(cfg)
    assert exported.custom_imports.imports == ["mmseg_semisup"]


def test_only_what_inference_needs_is_left(config):
    cfg = Config.fromfile(config)
    cfg.model.segmentor.backbone.init_cfg = dict(type="Pretrained", checkpoint="x")
    cfg.test_pipeline.insert(3, dict(type="SetOriginalShape"))
    exported = plain_config(cfg)
    assert exported.model.backbone.init_cfg is None
    assert exported.model.decode_head.loss_decode.type == "CrossEntropyLoss"
    types = [step["type"] for step in exported.test_pipeline]
    assert types == ["LoadImageFromFile", "Resize", "PackSegInputs"]


def test_teacher_that_does_not_exist(run_tool, config, checkpoint, tmp_path):
    content = load_checkpoint_file(checkpoint)
    content["state_dict"] = {
        k: v for k, v in content["state_dict"].items() if not k.startswith("teacher")
    }
    torch.save(content, checkpoint)
    with pytest.raises(SystemExit, match="has no teacher"):
        run_tool(
            "export.py", config, checkpoint, "--out", tmp_path, "--network", "teacher"
        )


def test_checkpoint_of_another_architecture(run_tool, config, checkpoint, tmp_path):
    config.write_text(config.read_text().replace("num_classes=3", "num_classes=5"))
    with pytest.raises(SystemExit, match=r"another arch.*conv_seg.* instead of \(5,"):
        run_tool("export.py", config, checkpoint, "--out", tmp_path / "exported")
    assert not (tmp_path / "exported" / "model.pth").exists()


def test_a_network_by_name_is_exported(run_tool, config, images, tmp_path):
    """Also one of another architecture than the student's."""
    text = config.read_text()
    head = "dict(model['segmentor']['decode_head'], channels=6)"
    segmentor = f"dict(model['segmentor'], decode_head={head})"
    text += (
        f"\nmodel['networks'] = dict(peer=dict(type='Peer', segmentor={segmentor}))\n"
    )
    config.write_text(text)
    torch.manual_seed(0)
    init_default_scope("mmseg")
    state = MODELS.build(Config.fromfile(config).model).state_dict()
    meta = dict(dataset_meta=dict(classes=("ground", "cat", "dog"), palette=[]))
    torch.save(dict(meta=meta, state_dict=state), tmp_path / "iter_1.pth")
    checkpoint, out = tmp_path / "iter_1.pth", tmp_path / "exported"
    run_tool("export.py", config, checkpoint, "--out", out, "--network", "peer")
    model = init_model(str(out / "config.py"), str(out / "model.pth"), device="cpu")
    assert model.decode_head.channels == 6
    image = images / "a.jpg"
    found = inference_model(model, str(image)).seg_logits.data
    assert torch.equal(found, _logits(config, checkpoint, "peer", image))
    with pytest.raises(SystemExit, match="did you mean 'peer'"):
        run_tool("export.py", config, checkpoint, "--out", out, "--network", "per")
