"""The rows of Table 5 against a slow count, and the tool that prints them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_semisup.evaluation.fusion import (
    basic_rules,
    best_pixels,
    class_iou,
    count,
    mean_iou,
)
from tests.helpers import NUM_CLASSES, PREPROCESSOR, sample, tiny_segmentor

CLASSES = ("background", "cat", "cow", "dog")
GRID = (1, 200, 400)


def config():
    return dict(
        type="FusedSegmentor",
        segmentor=tiny_segmentor(),
        classifier=dict(
            type="MultiLabelClassifier",
            backbone=tiny_segmentor()["backbone"],
            in_channels=16,
            num_classes=NUM_CLASSES,
        ),
        classes=CLASSES,
        tau=0.5,
        classifier_size=(16, 16),
        data_preprocessor=PREPROCESSOR,
    )


def batches():
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        image = torch.randint(0, 256, (3, 32, 32), generator=generator).byte()
        label = torch.randint(0, NUM_CLASSES, (32, 32), generator=generator)
        label[:5] = 255
        yield {"inputs": [image], "data_samples": [sample((32, 32), label)]}


def test_counts_are_those_of_the_model():
    torch.manual_seed(0)
    model = MODELS.build(config())
    found = count(model, batches(), basic_rules(0.5, GRID))
    settings = {"only": ("none", 0), "classifier": ("classifier", 0)}
    settings.update({f"pixels {n}": ("pixels", n) for n in GRID})
    for name, (switch, number) in settings.items():
        model.configure(switch, 0.5, number)
        expected = torch.zeros(NUM_CLASSES, NUM_CLASSES, dtype=torch.int64)
        for batch in batches():
            data = model.data_preprocessor(batch, False)
            with torch.no_grad():
                result = model(**data, mode="predict")[0]
            label = result.gt_sem_seg.data[0]
            for c in range(NUM_CLASSES):
                for p in range(NUM_CLASSES):
                    hit = (label == c) & (result.pred_sem_seg.data[0] == p)
                    expected[c, p] += hit.sum()
        assert torch.equal(found[name], expected), name


def test_best_numbers_of_pixels():
    good, bad = torch.eye(2).long() * 4, torch.tensor([[4, 0], [2, 2]])
    found = {"pixels 1": bad, "pixels 200": good, "pixels 400": bad}
    best, each = best_pixels(found, GRID)
    assert best == 200
    assert each.tolist() == [200, 200]
    assert class_iou(bad).tolist() == pytest.approx([4 / 6, 2 / 4])
    assert mean_iou(good) == 100


def test_the_tool_prints_the_rows(tmp_path, monkeypatch, capsys):
    path = Path(__file__).parents[2] / "tools" / "test_fusion.py"
    spec = importlib.util.spec_from_file_location("fusion_tool", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(tool, "use_safe_checkpoints", lambda trust: None)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for i in range(2):
        rng = np.random.default_rng(i)
        image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"images/{i}.png"), image)
        mask = rng.integers(0, 4, (32, 32), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"masks/{i}.png"), mask)
    pipeline = [
        dict(type="LoadImageFromFile"),
        dict(type="LoadAnnotations"),
        dict(type="PackSegInputs"),
    ]
    loader = dict(
        batch_size=1,
        num_workers=0,
        sampler=dict(type="DefaultSampler", shuffle=False),
        dataset=dict(
            type="FolderDataset",
            classes=CLASSES,
            data_root=str(tmp_path),
            pipeline=pipeline,
        ),
    )
    Config(dict(model=config(), test_dataloader=loader)).dump(tmp_path / "c.py")
    model = MODELS.build(config())
    meta = {"dataset_meta": {"classes": CLASSES}}
    for part in ("segmentor", "classifier"):
        state = getattr(model, part).state_dict()
        state = {f"{part}.{k}": v for k, v in state.items()}
        torch.save({"state_dict": state, "meta": meta}, tmp_path / f"{part}.pth")
    seg, cls = str(tmp_path / "segmentor.pth"), str(tmp_path / "classifier.pth")
    line = ["x", str(tmp_path / "c.py"), "--segmentor", seg, "--classifier", cls]
    line += ["--baseline", seg, "--cnn", cls, "--classifier-network", "student"]
    line += ["--out", str(tmp_path / "both.pth")]
    monkeypatch.setattr(sys, "argv", line)
    tool.main()
    out = capsys.readouterr().out
    for row in ("supervised", "MLMT only", "s4GAN only", "+ threshold", "+ CNN"):
        assert row in out
    assert "+ class-wise threshold" in out
    both = torch.load(tmp_path / "both.pth", weights_only=True)["state_dict"]
    model.load_state_dict(both)
