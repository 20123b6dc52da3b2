"""The config that docs/encoders.md writes down trains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers import batch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from tiny_encoders import DINOV3

from mmseg_semisup.cli.config import load_config

ROOT = Path(__file__).resolve().parents[3]
VIEWS = ("unlabeled", "unlabeled_strong", "unlabeled_strong_2")


def test_transformers_backbone_in_a_config_of_mmseg(tmp_path):
    pytest.importorskip("transformers")
    text = (ROOT / "docs" / "encoders.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (block,) = [block for block in blocks if "_base_ =" in block]
    file = tmp_path / "own.py"
    file.write_text(block, encoding="utf-8")
    cfg = load_config(file)
    segmentor = cfg.model.segmentor
    assert segmentor.backbone.arch == "dinov3-vits16"
    assert segmentor.decode_head.num_classes == 21
    segmentor.backbone.arch = DINOV3
    segmentor.decode_head.update(in_channels=16, out_channels=[8] * 4, channels=8)
    init_default_scope("mmseg")
    model = MODELS.build(cfg.model)
    data = model.data_preprocessor(batch(size=32, views=VIEWS), True)
    losses = model(**data, mode="loss")
    assert {"labeled.decode.loss_ce", "unimatch.loss_strong"} <= set(losses)
    # Tests pad to the patch, whatever the size of the image.
    size = (40, 50)
    tested = batch(size=32)["data_samples"]["labeled"][:1]
    tested[0].set_metainfo({k: size for k in ("img_shape", "ori_shape", "pad_shape")})
    image = batch(size=64)["inputs"]["labeled"][0][:, : size[0], : size[1]]
    result = model.eval().test_step({"inputs": [image], "data_samples": tested})
    assert result[0].pred_sem_seg.data.shape == (1, *size)
