from __future__ import annotations

import pytest
from mmengine.optim import build_optim_wrapper
from mmseg.registry import DATASETS
from tiny_methods import build_method, method_batch, optimizers_of

from mmseg_semisup.dry_run.grids import grid_faults
from mmseg_semisup.dry_run.step import take_step

LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackSegInputs"}


def two_crops(folder, align):
    """A data set with the two crops that the tiny contrast reads."""
    take = {"type": "TakeCrop", "crop_size": (24, 24)}
    names = ("unlabeled", "unlabeled_second")
    views = {name: [{**take, "which": i}, PACK] for i, name in enumerate(names)}
    draw = {"type": "DrawTwoCrops", "crop_size": (24, 24), "align": align}
    images = {"data_root": str(folder), "data_prefix": {"img_path": "img"}}
    masks = {**images, "type": "BaseSegDataset", "ann_file": "labeled.txt"}
    masks["data_prefix"] = {"img_path": "img", "seg_map_path": "ann"}
    masks["metainfo"] = {"classes": ("a", "b", "c")}
    labeled = {**masks, "pipeline": [LOAD, {"type": "LoadAnnotations"}, PACK]}
    multi = {"type": "MultiView", "shared": [draw], "views": views}
    unlabeled = {**images, "type": "UnlabeledDataset", "pipeline": [LOAD, multi]}
    sources = {"labeled": labeled, "unlabeled": unlabeled}
    return DATASETS.build({"type": "SemiDataset", "sources": sources})


@pytest.fixture
def taken():
    """A step of the contrast, whose features have a stride of 8 pixels."""
    model = build_method("context_aware")
    wrapper = build_optim_wrapper(model, optimizers_of(model))
    return model, take_step(model, wrapper, method_batch(0), 10)


@pytest.mark.parametrize(("align", "fits"), [(8, True), (24, True), (4, False)])
def test_the_stride_divides_the_distance_of_the_crops(folder, taken, align, fits):
    faults = grid_faults(*taken, two_crops(folder, align))
    assert len(faults) == (not fits)
    if not fits:
        assert "stride of 8 pixels, but DrawTwoCrops has align=4" in faults[0]


def test_other_methods_have_no_grid(folder):
    model = build_method("mean_teacher")
    wrapper = build_optim_wrapper(model, optimizers_of(model))
    step = take_step(model, wrapper, method_batch(0), 10)
    assert grid_faults(model, step, two_crops(folder, 4)) == []
