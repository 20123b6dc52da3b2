"""One value for pixels that do not count, from the mask to the metric."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from helpers import PREPROCESSOR, tiny_segmentor
from mmengine import runner as loops
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS, HOOKS, METRICS, MODELS

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.engine.ignore_values import (
    evaluation_contradictions,
    training_contradictions,
)

LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackSegInputs"}
MASKS = {"type": "LoadAnnotations"}
TWO = {"ignore_index": 2}


class TwoClasses(BaseSegDataset):
    """A data set of which a config may take one class."""

    METAINFO = {"classes": ("a", "b")}


def labeled(folder, *steps, **changes):
    return {
        "type": "BaseSegDataset",
        "data_root": str(folder),
        "data_prefix": {"img_path": "img", "seg_map_path": "ann"},
        "ann_file": "labeled.txt",
        "metainfo": {"classes": ("a", "b")},
        "pipeline": [LOAD, MASKS, *steps, PACK],
        **changes,
    }


def dataset(folder, *steps, **changes):
    sources = {"labeled": labeled(folder, *steps, **changes)}
    sources["unlabeled"] = {
        "type": "UnlabeledDataset",
        "data_root": str(folder),
        "data_prefix": {"img_path": "img"},
        # Without masks, it matters to nobody.
        "pipeline": [LOAD, {"type": "Pad", "size_divisor": 4}, PACK],
    }
    return DATASETS.build({"type": "SemiDataset", "sources": sources})


def model(ignored=255, padded=255, semi=True, **head):
    segmentor = tiny_segmentor(num_classes=2, ignore_index=ignored, **head)
    preprocessor = {**PREPROCESSOR, "seg_pad_val": padded}
    if not semi:
        del preprocessor["type"]
        preprocessor.update(type="SegDataPreProcessor", size_divisor=1)
        return MODELS.build({**segmentor, "data_preprocessor": preprocessor})
    return MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": segmentor,
            "data_preprocessor": preprocessor,
            "teacher": {"momentum": 0.9},
        }
    )


@pytest.mark.parametrize("semi", [True, False])
def test_equal_values_pass(folder, semi):
    assert training_contradictions(dataset(folder), model(semi=semi)) == []
    other = model(ignored=2, padded=2, semi=semi)
    assert training_contradictions(dataset(folder, **TWO), other) == []


@pytest.mark.parametrize("semi", [True, False])
def test_heads_and_padding_are_named(folder, semi):
    (found,) = training_contradictions(dataset(folder, **TWO), model(semi=semi))
    head = "model.segmentor.decode_head" if semi else "model.decode_head"
    assert "source 'labeled' (BaseSegDataset) has ignore_index=2, but" in found
    assert f"{head}.ignore_index=255, data_preprocessor.seg_pad_val=255" in found


@pytest.mark.parametrize(
    ("loss", "named"),
    [
        ({"type": "DiceLoss"}, r"loss_decode\.ignore_index=255"),
        ({"type": "TverskyLoss"}, r"loss_decode\.ignore_index=255"),
        ({"type": "OhemCrossEntropy"}, r"loss_decode\.ignore_label=255"),
    ],
)
def test_losses_with_a_value_of_their_own(folder, loss, named):
    data = dataset(folder, **TWO)
    own = model(ignored=2, padded=2, loss_decode=loss)
    (found,) = training_contradictions(data, own)
    assert found.count("=255") == 1
    assert named.replace("\\", "") in found
    right = {**loss, "ignore_label" if "Ohem" in loss["type"] else "ignore_index": 2}
    own = model(ignored=2, padded=2, loss_decode=right)
    assert training_contradictions(data, own) == []


WRITERS = [
    ({"type": "Pad", "size_divisor": 4}, "Pad.pad_val.seg"),
    ({"type": "RandomRotate", "prob": 1, "degree": 10}, "RandomRotate.seg_pad_val"),
    ({"type": "RandAugment"}, "RandAugment.seg_pad_val"),
    ({"type": "Cutout", "ignore": True}, "Cutout.seg_pad_val"),
    (
        {"type": "RandomCrop", "crop_size": (8, 8), "cat_max_ratio": 0.75},
        "RandomCrop.ignore_index",
    ),
    ({"type": "GenerateEdge"}, "GenerateEdge.ignore_index"),
    ({"type": "LoadImageLabels", "num_classes": 2}, "LoadImageLabels.ignore_index"),
    ({"type": "LoadPseudoMask", "store": None}, "LoadPseudoMask.ignore_index"),
]


@pytest.mark.parametrize(("step", "named"), WRITERS, ids=[n for _, n in WRITERS])
@pytest.mark.parametrize("nested", [False, True])
def test_transforms_that_write_another_value(folder, step, named, nested):
    if nested:
        step = {"type": "RandomApply", "transforms": [step]}
    (found,) = training_contradictions(
        dataset(folder, step, **TWO), model(ignored=2, padded=2)
    )
    assert f"has ignore_index=2, but {named}=255;" in found
    assert training_contradictions(dataset(folder, step), model()) == []


@pytest.mark.parametrize(
    "step",
    [
        {"type": "Pad", "size_divisor": 4, "pad_val": {"img": 0, "seg": 2}},
        {"type": "Pad", "size_divisor": 4, "padding_mode": "reflect"},
        {"type": "RandomRotate", "prob": 1, "degree": 10, "seg_pad_val": 2},
        {"type": "RandAugment", "seg_pad_val": 2},
        {"type": "Cutout", "ignore": True, "seg_pad_val": 2},
        {"type": "Cutout"},
        {"type": "RandomCrop", "crop_size": (8, 8)},
        {"type": "LoadImageLabels", "num_classes": 2, "ignore_index": 2},
    ],
    ids=str,
)
def test_transforms_that_write_the_value_or_none(folder, step):
    data = dataset(folder, step, **TWO)
    assert training_contradictions(data, model(ignored=2, padded=2)) == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"reduce_zero_label": True}, "reduce_zero_label writes=255"),
        (
            {"type": TwoClasses, "metainfo": {"classes": ("b",)}},
            "its label_map, for classes that are left out, writes=255",
        ),
    ],
)
def test_what_mmseg_writes_by_itself(folder, changes, named):
    data = dataset(folder, **{**TWO, **changes})
    (found,) = training_contradictions(data, model(ignored=2, padded=2))
    assert named in found
    assert training_contradictions(dataset(folder, **changes), model()) == []


def test_data_sets_within_others(folder):
    several = [labeled(folder), labeled(folder, **TWO)]
    source = {"type": "ConcatDataset", "datasets": several}
    data = DATASETS.build({"type": "SemiDataset", "sources": {"labeled": source}})
    assert len(training_contradictions(data, model())) == 1


def test_networks_that_do_not_learn_read_no_masks(folder):
    own = model(ignored=2, padded=2)
    own.teacher.network.decode_head.ignore_index = 7
    assert training_contradictions(dataset(folder, **TWO), own) == []


@pytest.mark.parametrize("value", [255, 2])
def test_metrics(folder, value):
    data = DATASETS.build(labeled(folder, **TWO))
    metrics = [METRICS.build({"type": "IoUMetric", "ignore_index": value})]
    found = evaluation_contradictions(data, metrics, "val_dataloader")
    assert len(found) == (value == 255)
    if found:
        assert "IoUMetric.ignore_index=255" in found[0]


def loop(cls, data, ignored):
    """What the hook reads of a loop."""
    found = cls.__new__(cls)
    found.dataloader = SimpleNamespace(dataset=data)
    metric = METRICS.build({"type": "IoUMetric", "ignore_index": ignored})
    found.evaluator = Evaluator([metric])
    return found


@pytest.mark.parametrize("ignored", [255, 2])
def test_the_hook_refuses_a_run(folder, ignored):
    data = DATASETS.build(labeled(folder, **TWO))
    training = loops.ValLoop.__new__(loops.ValLoop)
    training.dataloader = SimpleNamespace(dataset=dataset(folder, **TWO))
    runner = SimpleNamespace(
        model=model(ignored=2, padded=2),
        _train_loop=training,
        _val_loop=loop(loops.ValLoop, data, ignored),
        _test_loop=Config({"type": "TestLoop"}),
    )
    hook = HOOKS.build({"type": "IgnoreValueHook"})
    if ignored == 2:
        hook.before_run(runner)
        return
    with pytest.raises(ConfigError, match=r"^val_dataloader .*IoUMetric") as error:
        hook.before_run(runner)
    assert "\n" not in str(error.value)
    runner._val_loop, runner._test_loop = None, loop(loops.TestLoop, data, ignored)
    with pytest.raises(ConfigError, match=r"^test_dataloader .*IoUMetric"):
        hook.before_run(runner)
