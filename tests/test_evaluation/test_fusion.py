"""The rows of Table 5 against a slow count, and the tool that prints them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import NUM_CLASSES, PREPROCESSOR, sample, tiny_segmentor
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.apis import inference_model, init_model
from mmseg.registry import MODELS
from PIL import Image

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import CheckpointError, ConfigError
from mmseg_semisup.evaluation import FusionTestLoop
from mmseg_semisup.evaluation.fusion import (
    RuleCounts,
    basic_rules,
    best_pixels,
    class_iou,
    mean_iou,
)
from mmseg_semisup.export.plain_model import export, fused_checkpoint
from mmseg_semisup.export.predictor import Predictor

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


def images(count=2):
    """Images of 32x32 pixels and labels with a border that does not count."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(count):
        image = torch.randint(0, 256, (3, 32, 32), generator=generator).byte()
        label = torch.randint(0, NUM_CLASSES, (32, 32), generator=generator)
        label[:5] = 255
        yield image, label


def slow_confusion(model, pairs):
    """Pixels of each label and prediction, one class after the other."""
    expected = torch.zeros(NUM_CLASSES, NUM_CLASSES, dtype=torch.int64)
    for image, label in pairs:
        batch = {"inputs": [image], "data_samples": [sample((32, 32), label)]}
        data = model.data_preprocessor(batch, False)
        with torch.no_grad():
            found = model(**data, mode="predict")[0].pred_sem_seg.data[0]
        for c in range(NUM_CLASSES):
            for p in range(NUM_CLASSES):
                expected[c, p] += ((label == c) & (found == p)).sum()
    return expected


def decided(seed):
    """A model whose segmentor shows all classes, of which one is off."""
    torch.manual_seed(seed)
    model = MODELS.build(config()).eval()
    head, fc = model.segmentor.decode_head.conv_seg, model.classifier.fc
    torch.nn.init.normal_(head.weight, std=3.0)
    head.bias.data.zero_()
    fc.weight.data.zero_()
    fc.bias.data.fill_(5.0)[1 + seed % 3] = -5.0
    return model


def test_counts_are_those_of_the_model():
    model = decided(0)
    counts = RuleCounts(basic_rules(0.5, GRID), model.background)
    for image, label in images():
        batch = {"inputs": [image], "data_samples": [sample((32, 32), label)]}
        with torch.no_grad():
            result = model.test_step(batch)[0]
        counts.add(result.segmentor_logits.data, result.pred_image_scores, label)
    found = counts.total(NUM_CLASSES, torch.device("cpu"))
    settings = {"only": ("none", 0), "classifier": ("classifier", 0)}
    settings.update({f"pixels {n}": ("pixels", n) for n in GRID})
    for name, (switch, number) in settings.items():
        model.configure(switch, 0.5, number)
        assert torch.equal(found[name], slow_confusion(model, images())), name
    nothing = RuleCounts(basic_rules(0.5, GRID), model.background)
    assert not nothing.total(NUM_CLASSES, torch.device("cpu"))["only"].any()


def test_best_numbers_of_pixels():
    good, bad = torch.eye(2).long() * 4, torch.tensor([[4, 0], [2, 2]])
    found = {"pixels 1": bad, "pixels 200": good, "pixels 400": bad}
    best, each = best_pixels(found, GRID)
    assert best == 200
    assert each.tolist() == [200, 200]
    assert class_iou(bad).tolist() == pytest.approx([4 / 6, 2 / 4])
    assert mean_iou(good) == 100


@pytest.fixture
def tool(monkeypatch):
    """``tools/test.py`` as a module; formatting configs takes longer than testing."""
    path = Path(__file__).parents[2] / "tools" / "test.py"
    spec = importlib.util.spec_from_file_location("test_tool", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "use_safe_checkpoints", lambda trust: None)
    monkeypatch.setattr(Config, "pretty_text", "")
    monkeypatch.setattr(Runner, "_log_env", lambda self, env_cfg: None)
    return module


def write_files(folder, seeds=(1, 0)):
    """Images, a config, four checkpoints; returns the models that they are of."""
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for i, (image, label) in enumerate(images(3)):
        flipped = image.permute(1, 2, 0).numpy()[:, :, ::-1]
        Image.fromarray(flipped.copy()).save(folder / f"images/{i}.png")
        Image.fromarray(label.byte().numpy()).save(folder / f"masks/{i}.png")
    pipeline = [
        dict(type="LoadImageFromFile"),
        dict(type="LoadAnnotations"),
        dict(type="PackSegInputs"),
    ]
    loader = dict(
        batch_size=2,
        num_workers=0,
        sampler=dict(type="DefaultSampler", shuffle=False),
        dataset=dict(
            type="FolderDataset",
            classes=CLASSES,
            data_root=str(folder),
            pipeline=pipeline,
        ),
    )
    content = dict(
        model=dict(config(), segmentor_checkpoint=None, classifier_checkpoint=None),
        test_dataloader=loader,
        test_evaluator=dict(type="IoUMetric", iou_metrics=["mIoU"]),
        test_cfg=dict(
            type="FusionTestLoop",
            baseline_checkpoint=None,
            cnn_checkpoint=None,
            pixel_grid=GRID,
        ),
        default_scope="mmseg",
        log_processor=dict(by_epoch=False),
        log_level="ERROR",
        work_dir=str(folder / "work"),
    )
    (folder / "c.py").write_text(repr_config(content))
    models = {}
    for seed, name in zip(seeds, ("ours", "other"), strict=True):
        models[name] = decided(seed)
        meta = {"dataset_meta": {"classes": CLASSES}}
        for part in ("segmentor", "classifier"):
            state = getattr(models[name], part).state_dict()
            if name == "other" or part == "segmentor":
                state = {f"{part}.{k}": v for k, v in state.items()}
            else:
                state = {f"teacher.network.{k}": v for k, v in state.items()}
            path = folder / f"{name}_{part}.pth"
            torch.save({"state_dict": state, "meta": meta}, path)
    state = models["ours"].state_dict()
    torch.save({"state_dict": state, "meta": {}}, folder / "both.pth")
    return models


def repr_config(content):
    return "\n".join(f"{key} = {value!r}" for key, value in content.items())


def run(tool, folder, monkeypatch, *arguments):
    """The metrics that the tool finds."""
    found = {}
    inner = FusionTestLoop.run
    monkeypatch.setattr(FusionTestLoop, "run", lambda loop: found.update(inner(loop)))
    monkeypatch.setattr(sys, "argv", ["x", str(folder / "c.py"), *arguments])
    tool.main()
    monkeypatch.setattr(FusionTestLoop, "run", inner)
    return found


def test_the_tool_finds_the_rows_of_table_5(tmp_path, tool, monkeypatch):
    models = write_files(tmp_path)
    paths = {p.stem: str(p) for p in tmp_path.glob("*.pth")}
    options = [
        "--cfg-options",
        f"test_cfg.baseline_checkpoint={paths['other_segmentor']}",
    ]
    options.append(f"test_cfg.cnn_checkpoint={paths['other_classifier']}")
    parts = [f"model.segmentor_checkpoint={paths['ours_segmentor']}"]
    parts.append(f"model.classifier_checkpoint={paths['ours_classifier']}")
    rows = run(tool, tmp_path, monkeypatch, *options, *parts)

    def expected(segmentor, classifier, switch, number=0):
        model = MODELS.build(config()).eval()
        model.segmentor, model.classifier = segmentor.segmentor, classifier.classifier
        model.configure(switch, 0.5, number)
        return mean_iou(slow_confusion(model, images(3)))

    ours, other = models["ours"], models["other"]
    simple = {n: expected(ours, ours, "pixels", n) for n in GRID}
    wanted = {
        "supervised": expected(other, ours, "none"),
        "s4GAN only": expected(ours, ours, "none"),
        "MLMT only": expected(other, ours, "classifier"),
        "s4GAN + threshold": max(simple.values()),
        "s4GAN + CNN": expected(ours, other, "classifier"),
        "s4GAN + MLMT": expected(ours, ours, "classifier"),
    }
    assert len({round(value, 3) for value in wanted.values()}) > 4
    assert {k: rows[k] for k in wanted} == pytest.approx(wanted)
    # The metric rounds.
    assert rows["mIoU"] == pytest.approx(wanted["s4GAN + MLMT"], abs=0.01)
    assert "s4GAN + class-wise threshold" in rows

    exported = run(tool, tmp_path, monkeypatch, paths["both"])
    assert {"supervised", "MLMT only", "s4GAN + CNN"} & set(exported) == set()
    assert exported.items() <= rows.items()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "or model.segmentor_checkpoint and model.classifier_checkpoint"),
        (["both.pth", "--network", "teacher"], "model.classifier_network"),
        (["--cfg-options", "model.segmentor_checkpoint=x.pth"], "or model.classifier_"),
        (
            [
                *("both.pth", "--cfg-options"),
                "test_cfg.cnn_checkpoint=ours_segmentor.pth",
            ],
            "classifier",
        ),
        (
            [*("both.pth", "--cfg-options"), "test_cfg.cnn_checkpoint=absent.pth"],
            "no checkpoint file absent.pth",
        ),
        (["both.pth", "--cfg-options", "model.switch=none"], "it must be 'classifier'"),
        (["other_classifier.pth"], "of another architecture"),
    ],
)
def test_mistakes_are_named(tmp_path, tool, monkeypatch, arguments, message):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ConfigError, CheckpointError), match=message):
        run(tool, tmp_path, monkeypatch, *arguments)


def test_both_as_one_file_predict_the_same(tmp_path):
    ours = write_files(tmp_path)["ours"]
    cfg = Config.fromfile(tmp_path / "c.py")
    with pytest.raises(ConfigError, match="give a checkpoint, or a FusedSegmentor"):
        fused_checkpoint(cfg)
    for part in ("segmentor", "classifier"):
        cfg.model[f"{part}_checkpoint"] = str(tmp_path / f"ours_{part}.pth")
    made = export(cfg, fused_checkpoint(cfg), tmp_path / "out", "student")
    exported = Config.fromfile(made.config)
    assert not exported.model.segmentor_checkpoint
    checkpoint = load_checkpoint_file(made.checkpoint)
    assert tuple(checkpoint["meta"]["dataset_meta"]["classes"]) == CLASSES
    predictor = Predictor(exported, checkpoint)
    model = init_model(str(made.config), str(made.checkpoint), device="cpu")
    for path in sorted((tmp_path / "images").iterdir()):
        image = torch.from_numpy(np.array(Image.open(path))[:, :, ::-1].copy())
        image = image.permute(2, 0, 1)
        batch = {"inputs": [image], "data_samples": [sample((32, 32))]}
        expected = ours.test_step(batch)[0].pred_sem_seg.data[0]
        assert np.array_equal(predictor(path).labels, expected.byte().numpy())
        found = inference_model(model, str(path)).pred_sem_seg.data[0]
        assert torch.equal(found, expected)
