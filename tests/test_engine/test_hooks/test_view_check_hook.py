from __future__ import annotations

from types import SimpleNamespace

import pytest
from helpers import tiny_segmentor
from mmseg.registry import DATASETS, HOOKS, MODELS

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.pseudo_masks import PseudoMaskDataset

LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackSegInputs"}


def runner(folder, objective, batch_size=4):
    """What the hook reads of a runner."""
    model = {
        "type": "SemiSegmentor",
        "segmentor": tiny_segmentor(num_classes=3),
        "teacher": {"momentum": 0.9},
        "objectives": {"mine": {"type": "ConsistencyObjective", **objective}},
    }
    images = {"data_root": str(folder), "data_prefix": {"img_path": "img"}}
    views = {"weak": [PACK], "strong": [PACK]}
    masks = {**images, "type": "BaseSegDataset", "metainfo": {"classes": ["a", "b"]}}
    masks["data_prefix"] = {"img_path": "img", "seg_map_path": "ann"}
    masks.update(ann_file="labeled.txt", img_suffix=".jpg")
    dataset = {
        "type": "SemiDataset",
        "sources": {
            "labeled": {**masks, "pipeline": [LOAD, {"type": "LoadAnnotations"}, PACK]},
            "unlabeled": {
                **images,
                "type": "UnlabeledDataset",
                "pipeline": [LOAD, {"type": "MultiView", "views": views}],
            },
        },
    }
    loader = SimpleNamespace(
        dataset=DATASETS.build(dataset),
        batch_size=batch_size,
        sampler=SimpleNamespace(ratio={"labeled": 1, "unlabeled": 1}),
    )
    return SimpleNamespace(
        model=MODELS.build(model), train_loop=SimpleNamespace(dataloader=loader)
    )


def check(*args):
    HOOKS.build({"type": "ViewCheckHook"}).before_train(runner(*args))


GOOD = {"teacher_branch": "weak", "student_branch": "strong", "start": 5000}


def test_views_that_are_there_pass(folder):
    runner_ = runner(folder, GOOD)
    views = runner_.train_loop.dataloader.dataset.views
    assert views == {"labeled": "labeled", "weak": "unlabeled", "strong": "unlabeled"}
    HOOKS.build({"type": "ViewCheckHook"}).before_train(runner_)


@pytest.mark.parametrize(
    "wrong",
    [{"student_branch": "stron"}, {"plain_branches": ["stron"]}, {"joint": ["stron"]}],
)
def test_a_misspelt_view_stops_before_training(folder, wrong):
    message = r"objectives\.mine read the branch 'stron' \(did you mean 'strong'\?\)"
    with pytest.raises(ConfigError, match=message):
        check(folder, {**GOOD, **wrong})


def test_an_image_is_not_mixed_with_itself(folder):
    with pytest.raises(ConfigError, match="has 1 of them in a batch: .*ratio of 'unl"):
        check(folder, GOOD, 2)
    check(folder, {**GOOD, "mix": "none"}, 2)


class Pseudo(PseudoMaskDataset):
    """Images that count as having pseudo-masks, without a store."""

    def __init__(self, source):
        vars(self).update(vars(source))


def test_a_source_that_nobody_reads(folder):
    only_labels = {**GOOD, "teacher_branch": "labeled", "student_branch": "labeled"}
    with pytest.raises(ConfigError, match=r"the source 'unlabeled' \(8 images, 1 of"):
        check(folder, only_labels)


@pytest.mark.parametrize("why", ["no objectives", "pseudo-masks"])
def test_such_a_source_is_warned_of(folder, why):
    only_labels = {**GOOD, "teacher_branch": "labeled", "student_branch": "labeled"}
    runner_ = runner(folder, only_labels)
    lines = []
    runner_.logger = SimpleNamespace(warning=lines.append)
    dataset = runner_.train_loop.dataloader.dataset
    if why == "pseudo-masks":
        dataset.sources["unlabeled"] = Pseudo(dataset.sources["unlabeled"])
    else:
        del runner_.model.objectives["mine"]
    HOOKS.build({"type": "ViewCheckHook"}).before_train(runner_)
    (line,) = lines
    assert "its branches: strong, weak), so that it teaches nothing: add an" in line
