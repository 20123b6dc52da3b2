"""The numbers of UniMatch's configs are those of the papers and their code."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mmseg.registry import DATASETS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS
from tiny_configs import LEAVES, RESNETS, read
from tiny_encoders import DINOV2

from mmseg_semisup.datasets.lists import read_ids
from mmseg_semisup.datasets.splits import split_path
from mmseg_semisup.models.segmentors.probability_windows import windows

CONFIGS = [
    leaf for leaf in LEAVES if leaf.startswith("unimatch/") and "_lite0_" not in leaf
]


class Setting(NamedTuple):
    """How a paper trains on a data set.

    Attributes:
        images: Images to train.
        batch: Labelled, and unlabelled, images in a step of all GPUs.
        epochs: Passes over the unlabelled images.
        crop: Height and width of the crops.
        classes: Number of classes.
    """

    images: int
    batch: int
    epochs: int
    crop: int
    classes: int


VIT = {
    "voc": Setting(10582, 16, 60, 518, 21),
    "cityscapes": Setting(2975, 8, 180, 798, 19),
    "ade20k": Setting(20210, 8, 60, 518, 150),
    "coco": Setting(118287, 16, 20, 518, 81),
}
CNN = {
    "voc": Setting(10582, 8, 80, 321, 21),
    "cityscapes": Setting(2975, 8, 240, 801, 19),
}
LARGE = {
    "cityscapes": (19998, 8, 40),
    "ade20k": (118287 + 123403, 16, 30),
    "coco": (123403, 16, 40),
}
"""With all masks: further images, batch and epochs."""
FURTHER = {
    "cityscapes": ["leftImg8bit/train_extra"],
    "ade20k": ["data/coco/train2017", "data/coco/unlabeled2017"],
    "coco": ["unlabeled2017"],
}
"""With all masks: folders of the further images."""
PUBLISHED = {
    ("voc", 60): {92: 39300, 183: 38940, 366: 38280, 732: 36900, 1464: 34140},
    ("cityscapes", 180): {186: 62640, 372: 58500, 744: 50040, 1488: 33300},
    ("ade20k", 60): {316: 149160, 631: 146820, 1263: 142080, 2526: 132600},
    ("coco", 20): {232: 147560, 463: 147280, 925: 146700, 1849: 145540, 3697: 143220},
}
"""Iterations by data set and epochs, and by the number of masks."""
PLAIN = {"type": "PixelCrossEntropy"}
"""The loss of VOC, ADE20K and COCO, which is the default of DeepLabv3+'s head."""


def setting_of(name):
    """Data set, masks ('all' or a number), and the setting of a config."""
    network, data = Path(name).stem.split("_")[1::2]
    data, _, masks = data.rpartition("-")
    return data, masks, (VIT if network.startswith("dpt") else CNN)[data]


def test_every_published_number_of_masks_has_a_config():
    found = {}
    for name in CONFIGS:
        if Path(name).name.startswith("unimatch-v2_dpt-dinov2-b"):
            data, masks, setting = setting_of(name)
            found.setdefault((data, setting.epochs), set()).add(masks)
    numbers = {key: found[key] - {"all"} for key in PUBLISHED}
    assert numbers == {k: set(map(str, v)) for k, v in PUBLISHED.items()}
    assert {data for (data, _), masks in found.items() if "all" in masks} == set(LARGE)


@pytest.mark.parametrize("name", CONFIGS)
def test_iterations_batches_and_crops(name):
    cfg = read(name)
    data, masks, setting = setting_of(name)
    if masks == "all":
        others, batch, epochs = LARGE[data]
    else:
        others, batch, epochs = setting.images - int(masks), *setting[1:3]
    length = others // batch * epochs
    if masks != "all" and "dpt" in name:
        assert length == PUBLISHED[data, epochs][int(masks)]
    (schedule,) = cfg.param_scheduler
    assert (cfg.train_cfg.max_iters, schedule.end) == (length, length + 1)
    assert length % cfg.train_cfg.val_interval == 0
    assert cfg.train_cfg.val_interval % (others // batch) == 0
    assert cfg.default_hooks.checkpoint.interval == cfg.train_cfg.val_interval
    loader = cfg.train_dataloader
    per_source = loader.batch_size // sum(loader.sampler.ratio.values())
    assert per_source == batch
    assert set(loader.sampler.ratio.values()) == {1}
    crop = (setting.crop, setting.crop)
    assert cfg.model.segmentor.data_preprocessor.size == crop
    for source in loader.dataset.sources.values():
        last = source.pipeline[-1]
        steps = last.get("shared") or source.pipeline
        kinds = {step.type: step for step in steps}
        assert kinds["RandomCrop"].crop_size == crop
        resize = kinds.get("RandomResize") or kinds["RandomRescale"]
        assert resize.ratio_range == (0.5, 2.0)
    assert cfg.model.segmentor.decode_head.num_classes == setting.classes
    dataset = DATASETS.get(cfg.val_dataloader.dataset.type)
    assert len(dataset.METAINFO["classes"]) == setting.classes


@pytest.mark.parametrize("name", CONFIGS)
def test_losses_teachers_and_tests(name):
    cfg = read(name)
    method, data = Path(name).stem.split("_")[::3]
    model = cfg.model
    student = method in ("unimatch-v1", "fixmatch-student")
    teacher = None if student else 0.996
    assert model.get("teacher", {}).get("momentum") == teacher
    assert model.labeled_weight == 0.5
    (objective,) = model.objectives.values()
    assert objective.weight == 0.5
    every_pixel = "threshold-0" in method or (
        "deeplab" in name and data.startswith("cityscapes")
    )
    assert objective.threshold == (0 if every_pixel else 0.95)
    assert len(objective.strong) == (1 if method.startswith("fixmatch") else 2)
    test = model.segmentor.test_cfg
    loss = model.segmentor.decode_head.get("loss_decode", PLAIN)
    tested = [step.type for step in cfg.test_dataloader.dataset.pipeline]
    if data.startswith("cityscapes"):
        side = model.segmentor.data_preprocessor.size[0]
        assert (loss.type, loss.threshold) == ("HardPixelCrossEntropy", 0.7)
        assert 2 * loss.min_kept_per_image == 200_000
        assert model.segmentor.type == "ProbabilityEncoderDecoder"
        assert (test.mode, test.crop_size) == ("slide", (side, side))
        assert test.stride == (side * 2 // 3, side * 2 // 3)
        assert len(list(windows((1024, 2048), test.crop_size, test.stride))) == 8
        assert tested == ["LoadImageFromFile", "LoadAnnotations", "PackSegInputs"]
    else:
        assert loss == PLAIN
        assert test.mode == "whole"
        aligned = "ResizeToNearestMultiple" in tested
        assert aligned == ("dpt" in name)
        if aligned:
            position = tested.index("ResizeToNearestMultiple")
            assert position < tested.index("LoadAnnotations")


@pytest.mark.parametrize("name", [n for n in CONFIGS if not n.endswith("-all.py")])
def test_lists_have_the_number_of_the_name(name):
    data, masks, _ = setting_of(name)
    listed = read(name).train_dataloader.dataset.sources.labeled.ann_file
    if data in ("ade20k", "coco"):
        assert listed == f"splits/unimatch_{masks}_labeled.txt"
    else:
        assert len(read_ids(split_path(listed))) == int(masks)


@pytest.mark.parametrize("data", ["ade20k-316", "coco-232"])
def test_a_list_that_is_not_there_is_told_in_one_line(data, tmp_path):
    (name,) = [leaf for leaf in CONFIGS if leaf.endswith(f"_{data}.py")]
    sources = read(name).train_dataloader.dataset
    for source in sources.sources.values():
        source.data_root = str(tmp_path)
        (tmp_path / source.data_prefix.img_path).mkdir(parents=True, exist_ok=True)
    with pytest.raises(ValueError, match="unimatch_.*_labeled.txt") as caught:
        DATASETS.build(sources)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [n for n in CONFIGS if n.endswith("-all.py")])
def test_with_all_masks_further_images_are_unlabelled(name):
    data, _, _ = setting_of(name)
    sources = read(name).train_dataloader.dataset.sources
    assert not sources.labeled.get("ann_file")
    folders = sources.unlabeled.get("paths") or [sources.unlabeled.data_prefix.img_path]
    assert folders == FURTHER[data]
    assert not sources.unlabeled.get("ann_file")


def groups_of(name):
    """Learning rates and weight decays of the backbone's and the head's parameters."""
    cfg = read(name)
    backbone = cfg.model.segmentor.backbone
    if backbone.type in RESNETS:
        backbone.update(init_cfg=None, depth=50)
    else:
        backbone.arch = DINOV2
        cfg.model.segmentor.decode_head.in_channels = 16
    model = MODELS.build(cfg.model)
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.get(cfg.optim_wrapper.pop("constructor"))
    optimizer = constructor(cfg.optim_wrapper)(model)["segmentor"].optimizer
    groups = {id(p): g for g in optimizer.param_groups for p in g["params"]}
    return optimizer, {
        part: [groups[id(p)] for p in getattr(model.segmentor, part).parameters()]
        for part in ("backbone", "decode_head")
    }


RATES = {
    "unimatch-v2_dpt-dinov2-s_39k_voc-92": (5e-6, 2e-4, 0.01),
    "unimatch-v2_dpt-dinov2-b_63k_cityscapes-186": (5e-6, 2e-4, 0.01),
    "unimatch-v2_dpt-dinov2-b_149k_ade20k-316": (5e-6, 2e-4, 0.01),
    "unimatch-v2_dpt-dinov2-b_148k_coco-232": (5e-6, 2e-4, 0.01),
    "unimatch-v1_deeplabv3plus-r101_105k_voc-92": (1e-3, 1e-2, 1e-4),
    "unimatch-v1_deeplabv3plus-r50_84k_cityscapes-186": (5e-3, 5e-3, 1e-4),
}


@pytest.mark.parametrize("name", RATES)
def test_learning_rates_and_decay(name):
    if "dinov2" in name:
        pytest.importorskip("transformers")
    optimizer, parts = groups_of(f"unimatch/{name}.py")
    *rates, decay = RATES[name]
    for part, rate in zip(parts.values(), rates, strict=True):
        for group in part:
            assert group["lr"] == pytest.approx(rate)
            assert group["weight_decay"] == decay
            if "dinov2" in name:
                assert group["betas"] == (0.9, 0.999)
            else:
                assert (group["momentum"], group["nesterov"]) == (0.9, False)
    kind = torch.optim.AdamW if "dinov2" in name else torch.optim.SGD
    assert isinstance(optimizer, kind)


def test_the_networks_have_the_published_size():
    pytest.importorskip("transformers")
    for size, millions in (("s", (22.06, 2.66)), ("b", (86.58, 10.65))):
        cfg = read(f"unimatch/unimatch-v2_dpt-dinov2-{size}_39k_voc-92.py")
        with torch.device("meta"):
            network = MODELS.build(cfg.model.segmentor)
        for part, count in zip(
            (network.backbone, network.decode_head), millions, strict=True
        ):
            own = sum(p.numel() for p in part.parameters()) / 1e6
            assert own == pytest.approx(count, abs=0.05)
        for crop, grid in ((518, 37), (798, 57)):
            with torch.device("meta"):
                feats = network.backbone(torch.rand(1, 3, crop, crop))
                logits = network.decode_head(feats)
            assert [feat.shape[2:] for feat in feats] == [(grid, grid)] * 4
            assert logits.shape[2:] == (8 * grid, 8 * grid)


@pytest.mark.parametrize(("depth", "backbone"), [(50, 23.5), (101, 42.5)])
def test_deeplab_has_the_published_structure(depth, backbone):
    """Output stride 16, rates 6, 12, 18, low-level features of 48, no multi-grid."""
    iterations = {50: "84k_cityscapes-186", 101: "105k_voc-92"}[depth]
    cfg = read(f"unimatch/unimatch-v1_deeplabv3plus-r{depth}_{iterations}.py")
    cfg.model.segmentor.backbone.init_cfg = None
    with torch.device("meta"):
        network = MODELS.build(cfg.model.segmentor)
        network.eval()
        feats = network.backbone(torch.rand(1, 3, 321, 321))
    assert [feat.shape[1:] for feat in feats[::3]] == [(256, 81, 81), (2048, 21, 21)]
    dilations = Counter(
        module.dilation[0]
        for module in network.modules()
        if isinstance(module, torch.nn.Conv2d) and module.dilation[0] > 1
    )
    # The last stage's second and third block; the pyramid.
    assert dilations == {2: 2, 6: 1, 12: 1, 18: 1}
    head = network.decode_head
    assert head.c1[0].out_channels == 48
    assert head.align_corners
    dropouts = [m.p for m in network.modules() if isinstance(m, torch.nn.Dropout)]
    assert set(dropouts) == {0.0}
    own = sum(p.numel() for p in network.backbone.parameters()) / 1e6
    assert own == pytest.approx(backbone, abs=0.1)
