"""Every shipped config builds, and trains and validates at a tiny size."""

from __future__ import annotations

import functools
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config, ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmseg.registry import (
    DATA_SAMPLERS,
    DATASETS,
    LOOPS,
    MODELS,
    OPTIM_WRAPPER_CONSTRUCTORS,
)
from tiny_configs import (
    LEAVES,
    ROOT,
    read,
    shrink,
    shrink_classifier,
    shrink_segmentor,
    training_configs,
    without_weights,
)

from mmseg_semisup.datasets.collate import branch_collate
from mmseg_semisup.datasets.lists import read_ids
from mmseg_semisup.datasets.splits import split_path
from mmseg_semisup.engine.runner import build_runner
from mmseg_semisup.models.objectives import named_configs
from mmseg_semisup.stages import has_stages, split_stages

TRAINED = (
    "custom_hooks",
    "model",
    "optim_wrapper",
    "param_scheduler",
    "train_dataloader",
    "val_cfg",
    "val_dataloader",
    "val_evaluator",
)
"""Keys that decide what is trained and validated."""


@pytest.fixture(autouse=True)
def _no_printing_of_configs(monkeypatch):
    """Formatting a config takes longer than training the tiny network."""
    monkeypatch.setattr(Config, "pretty_text", "")
    monkeypatch.setattr(Runner, "_log_env", lambda self, env_cfg: None)


def test_there_are_configs():
    assert len(LEAVES) > 10


@pytest.fixture(scope="session")
def structures():
    """What was trained, by :func:`structure_of`."""
    return set()


FUSED = [name for name in LEAVES if Path(name).name.startswith("fused_")]


@pytest.mark.parametrize("name", FUSED)
def test_fused_configs_are_built(name):
    cfg = read(name)
    without_weights(cfg.model)
    shrink_classifier(cfg.model)
    shrink_segmentor(ConfigDict(segmentor=cfg.model.segmentor, objectives={}))
    classes = MODELS.build(cfg.model).classes
    assert len(classes) == cfg.model.segmentor.decode_head.num_classes
    dataset = DATASETS.get(cfg.test_dataloader.dataset.type)
    names = dataset.METAINFO.get("classes")
    assert not names or tuple(names) == classes
    assert LOOPS.get(cfg.test_cfg.type).__name__ == "FusionTestLoop"


def trainings():
    """Leaf configs that train; the first of each folder is not slow."""
    seen = set()
    for name in LEAVES:
        if name not in FUSED:
            folder = Path(name).parts[0]
            yield pytest.param(name, marks=[pytest.mark.slow] * (folder in seen))
            seen.add(folder)


@pytest.mark.parametrize("name", trainings())
def test_config_trains_two_steps_and_validates(name, tiny_images, structures):
    """Of the configs that differ in numbers only, one is trained, the others built."""
    if "dinov2" in name:
        pytest.importorskip("transformers")
    cfg = read(name)
    for stage in training_configs(cfg, tiny_images):
        check_notation(stage.model)
        shrink(stage, tiny_images, crop=48)
        structure = repr(structure_of({key: stage.get(key) for key in TRAINED}))
        if structure in structures:
            build_parts(stage)
        else:
            train_two_steps(stage)
            structures.add(structure)
    if has_stages(cfg):
        check_evaluated_stages(split_stages(cfg))


def check_notation(model):
    """Objectives have names, and state no fact that the segmentor hands down."""
    objectives = model.get("objectives", {})
    assert isinstance(objectives, dict)
    for name, cfg in named_configs(objectives).items():
        # The head of a branch may differ from the segmentor's, whose copy it is.
        assert "type" not in (cfg.get("head") or {})
        for path in MODELS.get(cfg["type"]).takes.keys() - {"head", "head.num_classes"}:
            *parents, key = path.split(".")
            part = functools.reduce(
                lambda node, name: node.get(name) or {}, parents, cfg
            )
            assert key not in part, f"{name}.{path}"


def structure_of(node, exact=False):
    """A config without its numbers, of which the signs stay.

    Sizes of networks stay whole, but for the number of classes.
    """
    if isinstance(node, dict):
        return {
            key: structure_of(node[key], exact or key in ("backbone", "decode_head"))
            for key in sorted(node)
            if key not in ("metainfo", "num_classes")
        }
    if isinstance(node, (list, tuple)):
        return [structure_of(item, exact) for item in node]
    if exact or isinstance(node, bool) or not isinstance(node, (int, float)):
        return node
    return (node > 0) - (node < 0)


def build_parts(cfg):
    """What a training builds, and one batch of it."""
    model = MODELS.build(cfg.model)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    groups = [group for w in wrapper.values() for group in w.optimizer.param_groups]
    moved = [id(parameter) for group in groups for parameter in group["params"]]
    assert len(moved) == len(set(moved))
    assert {id(p) for p in model.parameters() if p.requires_grad} <= set(moved)
    loader = cfg.train_dataloader
    dataset = DATASETS.build(loader.dataset)
    sampler = DATA_SAMPLERS.build(loader.sampler, default_args=dict(dataset=dataset))
    items = [dataset[key] for key in islice(sampler, loader.batch_size)]
    batch = model.data_preprocessor(branch_collate(items), training=True)
    assert all(torch.isfinite(images).all() for images in batch["inputs"].values())


def check_evaluated_stages(stages):
    """The parts of a fused model are those of the stages that it names."""
    models = {stage.name: stage.cfg.model for stage in stages}
    for stage in stages:
        if stage.task != "evaluate":
            continue
        model, test = stage.cfg.model, stage.cfg.test_cfg
        used = {
            "segmentor": [model.segmentor_checkpoint, test.get("baseline_checkpoint")],
            "classifier": [model.classifier_checkpoint, test.get("cnn_checkpoint")],
        }
        for part, checkpoints in used.items():
            assert checkpoints[0]
            for checkpoint in filter(None, checkpoints):
                trained = models[checkpoint[1:].split(".")[0]]
                assert architecture(trained[part]) == architecture(model[part])


def architecture(node):
    """A network's config without weights, losses and data."""
    if isinstance(node, (list, tuple)):
        return [architecture(item) for item in node]
    if not isinstance(node, dict):
        return node
    left_out = ("init_cfg", "pretrained", "data_preprocessor", "loss_decode")
    return {k: architecture(v) for k, v in node.items() if k not in left_out}


def train_two_steps(cfg):
    classifies = "classifier" in cfg.model
    runner = build_runner(cfg, strict=False)
    model = runner.model
    before = {k: p.detach().clone() for k, p in model.named_parameters()}
    runner.train()
    assert runner.iter == 2
    history = runner.message_hub.log_scalars
    losses = {
        k: v for k, v in history.items() if k.startswith("train/") and "loss" in k
    }
    first = "labeled.loss_label" if classifies else "labeled.decode.loss_ce"
    assert f"train/{first}" in losses
    for key, scalar in losses.items():
        assert np.isfinite(scalar.data[0]).all(), key
    adversarial = {
        f"train/{name}.loss_{branch}"
        for name, objective in named_configs(cfg.model.get("objectives", {})).items()
        if objective["type"] == "AdversarialObjective"
        for branch, weight in objective["weights"].items()
        if weight > 0
    }
    found = {k for k in losses if k.startswith("train/adversarial") and ".loss_" in k}
    assert found == adversarial
    moved = {k for k, p in model.named_parameters() if not torch.equal(before[k], p)}
    networks = {"segmentor.backbone", "segmentor.decode_head"}
    if classifies:
        networks = {"classifier.backbone", "classifier.fc"}
    networks |= {
        f"objectives.{i}.discriminator"
        for i, objective in getattr(model, "objectives", {}).items()
        if hasattr(objective, "discriminator")
    }
    networks |= {
        f"objectives.{i}.auxiliary.{part}"
        for i, objective in getattr(model, "objectives", {}).items()
        if hasattr(objective, "auxiliary")
        for part, _ in objective.auxiliary.named_children()
    }
    fixed = (
        {"segmentor.backbone"}
        if cfg.model.get("segmentor", {}).get("backbone", {}).get("frozen")
        else set()
    )
    for network in networks:
        assert any(k.startswith(network) for k in moved) != (network in fixed), network
    metric = "mAP" if classifies else "mIoU"
    assert any(metric in key for key in history)
    with_maps = cfg.model.get("test_cfg", {}).get("signal_maps", False)
    assert any("selected/share" in key for key in history) == with_maps


VOC_SIZES = {
    "211": 211,
    "529": 529,
    "1322": 1322,
    "2645": 2645,
    "5291": 5291,
    "all": 10582,
}


@pytest.fixture(scope="session")
def voc_names(tmp_path_factory):
    """The names of VOC's training images, as empty files."""
    root = tmp_path_factory.mktemp("voc")
    (root / "JPEGImages").mkdir()
    for name in read_ids(split_path("split:voc12aug/train_aug.txt")):
        (root / "JPEGImages" / f"{name}.jpg").touch()
    return root


VOC_LEAVES = [
    (leaf, masks)
    for leaf in LEAVES
    for masks in VOC_SIZES
    if leaf.endswith(f"_voc-{masks}.py")
    and not leaf.startswith(("context_aware/", "mlmt/", "three_stage/"))
]


@pytest.mark.parametrize(("name", "masks"), VOC_LEAVES)
def test_voc_configs_have_the_labels_of_their_name(name, masks, voc_names):
    cfg = read(name)
    loader = cfg.train_dataloader
    for source in loader.dataset.sources.values():
        source.data_root = str(voc_names)
        source.pipeline = []
    sizes = {k: len(v) for k, v in DATASETS.build(loader.dataset).sources.items()}
    labeled = VOC_SIZES[masks]
    assert sizes.pop("labeled") == labeled
    assert sizes.pop("labeled_gt", labeled) == labeled
    # With all masks, the same images are the unlabelled ones, or there are none.
    assert sizes in ({}, {"unlabeled": 10582 - labeled or 10582})
    per_source = loader.batch_size / sum(loader.sampler.ratio.values())
    usual = 8 if name.startswith("s4gan/") else 10
    assert per_source == (4 if "r18" in name else usual)


@pytest.mark.parametrize(("name", "labeled"), [("1464", 1464), ("all", 10582)])
def test_s4gan_of_table_7_has_the_images_of_its_name(name, labeled, voc_names):
    cfg = read(f"s4gan/s4gan_deeplabv2-r101_35k_voc-{name}.py")
    for source in cfg.train_dataloader.dataset.sources.values():
        source.data_root = str(voc_names)
        source.pipeline = []
    sources = DATASETS.build(cfg.train_dataloader.dataset).sources
    sizes = {name: len(source) for name, source in sources.items()}
    assert sizes == {"labeled": labeled, "unlabeled": 10582 - labeled or 10582}
    check, *others = cfg.custom_hooks
    assert check.get("allow", []) == (["overlap"] if labeled == 10582 else [])
    assert {hook.type for hook in others} == {"TeacherUpdateHook", "ScoreCurveHook"}


def test_published_code_learning_rates():
    """conv1 once, downsampling four times, the rest of the backbone three times."""
    cfg = read("adv_semi_seg/adv-semi-seg-code_deeplabv2-r101_20k_voc-1322.py")
    cfg.model.segmentor.backbone.update(init_cfg=None, depth=50)
    model = MODELS.build(cfg.model)
    wrapper_cfg = cfg.optim_wrapper
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.get(wrapper_cfg.pop("constructor"))
    wrapper = constructor(wrapper_cfg)(model)
    groups = wrapper["segmentor"].optimizer.param_groups
    rates = {id(p): g["lr"] / 2.5e-4 for g in groups for p in g["params"]}
    names = {id(p): k for k, p in model.segmentor.named_parameters()}
    found = {names[key]: round(rate, 6) for key, rate in rates.items()}
    assert found["backbone.conv1.weight"] == 1
    assert found["backbone.layer1.0.conv1.weight"] == 3
    assert found["backbone.layer4.0.downsample.0.weight"] == 4
    assert found["decode_head.conv_seg.0.weight"] == 10
    assert all(g["weight_decay"] == 5e-4 and not g["nesterov"] for g in groups)


@pytest.mark.parametrize(
    "name", [name for name in LEAVES if "context-aware" in name and "-all" in name]
)
def test_configs_with_all_masks_may_use_an_image_twice(name):
    cfg = read(name)
    assert cfg.train_dataloader.dataset.sources.unlabeled.exclude == []
    checks = [hook for hook in cfg.custom_hooks if hook.type == "DataCheckHook"]
    assert [hook.get("allow") for hook in checks] == [["overlap"]]


def test_published_code_of_mlmt_augments_unlabelled_images():
    """Labelled images are only flipped, and every other one of the student blurred."""
    cfg = read("mlmt/mlmt-code_r101_3k_voc-529.py")
    sources = cfg.train_dataloader.dataset.sources
    views = {k: s.pipeline[-1].views for k, s in sources.items()}
    steps = {
        name: [step.type for step in view]
        for part in views.values()
        for name, view in part.items()
    }
    assert steps["labeled"] == ["RandomFlip", "PackImageLabels"]
    assert steps["unlabeled_teacher"] == ["RandomFlip", "PackSegInputs"]
    blur = views["unlabeled"].unlabeled[2]
    assert (blur.type, blur.prob) == ("RandomGaussianBlur", 1)
    assert blur.kernel_size >= 6 * max(blur.sigma)


METHODS = sorted({Path(leaf).parts[0] for leaf in LEAVES} - {"demo"})


@pytest.mark.parametrize("method", METHODS)
def test_readme_and_metafile_name_every_config(method):
    readme = (ROOT / method / "README.md").read_text(encoding="utf-8")
    text = (ROOT / method / "metafile.yml").read_text(encoding="utf-8")
    metafile = yaml.safe_load(text)
    listed = {model["Config"] for model in metafile["Models"]}
    present = {f"configs/{leaf}" for leaf in LEAVES if leaf.startswith(f"{method}/")}
    assert listed == present
    for path in present:
        assert Path(path).name in readme
