"""The stream of samples: who gets what, in which order, with which randomness."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from unittest import mock

import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS
from torch.utils.data import DataLoader

from mmseg_semisup.datasets import SampleKey, SourceSampler, branch_collate
from mmseg_semisup.datasets.semi_dataset import seeded

AUGMENT = [
    {
        "type": "RandomResize",
        "scale": (48, 40),
        "ratio_range": (0.8, 1.5),
        "keep_ratio": True,
    },
    {"type": "RandomCrop", "crop_size": (24, 24)},
    {"type": "RandomFlip", "prob": 0.5},
]
PHOTO = {"type": "PhotoMetricDistortion"}
LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackSegInputs"}


def config(folder, **changes):
    labeled = {
        "type": "BaseSegDataset",
        "data_root": str(folder),
        "data_prefix": {"img_path": "img", "seg_map_path": "ann"},
        "ann_file": "labeled.txt",
        "metainfo": {"classes": ("a", "b", "c"), "palette": [[0] * 3] * 3},
        "pipeline": [LOAD, {"type": "LoadAnnotations"}, *AUGMENT, PHOTO, PACK],
    }
    views = {
        "type": "MultiView",
        "shared": AUGMENT,
        "views": {"unlabeled": [PACK], "unlabeled_strong": [PHOTO, PACK]},
    }
    unlabeled = {
        "type": "UnlabeledDataset",
        "data_root": str(folder),
        "data_prefix": {"img_path": "img"},
        "exclude": "labeled.txt",
        "pipeline": [LOAD, views],
    }
    sources = {"labeled": labeled, "unlabeled": unlabeled}
    return {"type": "SemiDataset", "sources": sources, **changes}


def build(folder, **changes):
    return DATASETS.build(config(folder, **changes))


class Sources:
    """Only what the sampler looks at."""

    def __init__(self, **sizes):
        self.sources = {name: range(size) for name, size in sizes.items()}

    def __len__(self):
        return sum(map(len, self.sources.values()))


def keys(count, rank=0, world_size=1, ratio=None, seed=7, **sizes):
    with mock.patch(
        "mmseg_semisup.datasets.sampler.get_dist_info", return_value=(rank, world_size)
    ):
        sampler = SourceSampler(
            Sources(**(sizes or {"labeled": 3, "unlabeled": 10})),
            ratio or {"labeled": 1, "unlabeled": 3},
            seed=seed,
        )
    return list(itertools.islice(sampler, count)), sampler


def test_every_block_has_the_proportion():
    stream, _ = keys(40)
    for i in range(0, 40, 4):
        assert Counter(k.source for k in stream[i : i + 4]) == {
            "labeled": 1,
            "unlabeled": 3,
        }


@pytest.mark.parametrize("source", ["labeled", "unlabeled"])
def test_each_source_is_read_whole_before_it_repeats(source):
    stream, sampler = keys(400)
    indices = [k.index for k in stream if k.source == source]
    size = sampler.sizes[source]
    rounds = [indices[i : i + size] for i in range(0, len(indices) - size, size)]
    assert all(sorted(one) == list(range(size)) for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1


def test_seeds_differ_for_every_sample():
    stream, _ = keys(400)
    assert len({k.seed for k in stream}) == 400
    assert stream != keys(400, seed=8)[0]


def test_two_processes_deal_the_global_batches_of_one():
    whole, _ = keys(64)
    halves = [keys(32, rank, 2)[0] for rank in (0, 1)]
    for step in range(4):
        one = whole[16 * step : 16 * (step + 1)]
        two = [k for half in halves for k in half[8 * step : 8 * (step + 1)]]
        assert sorted(one) == sorted(two)


def test_skip_is_exact_and_reads_nothing():
    stream, _ = keys(100)
    _, sampler = keys(0)
    sampler.skip(57)
    assert list(itertools.islice(sampler, 43)) == stream[57:]
    sampler.skip(10**12)
    assert next(iter(sampler)).source == "labeled"
    with pytest.raises(ValueError, match="at least 0"):
        sampler.skip(-1)


@pytest.mark.parametrize(
    ("ratio", "message"),
    [
        ({"labeled": 1}, r"\['labeled'\].*\['labeled', 'unlabeled'\]"),
        ({"labeled": 1, "unlabeled": 0}, "whole numbers from 1"),
        ({"labeled": 0.5, "unlabeled": 1}, "whole numbers from 1"),
    ],
)
def test_wrong_ratios_are_named(ratio, message):
    with pytest.raises(ValueError, match=message):
        keys(1, ratio=ratio)


def test_the_sampler_needs_sources():
    with pytest.raises(ValueError, match="draws from SemiDataset, not range"):
        SourceSampler(range(3), {"labeled": 1}, seed=0)


def first_batches(folder, workers, start=0, count=3):
    dataset = build(folder)
    sampler = SourceSampler(dataset, {"labeled": 1, "unlabeled": 1}, seed=0)
    sampler.skip(4 * start)
    loader = DataLoader(
        dataset,
        batch_size=4,
        sampler=sampler,
        num_workers=workers,
        collate_fn=branch_collate,
    )
    return list(itertools.islice(loader, count))


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        assert set(a["inputs"]) == {"labeled", "unlabeled", "unlabeled_strong"}
        for branch, images in a["inputs"].items():
            assert len(images) == 2
            for x, y in zip(images, b["inputs"][branch], strict=True):
                assert torch.equal(x, y)
            for x, y in zip(
                a["data_samples"][branch], b["data_samples"][branch], strict=True
            ):
                assert x.img_path == y.img_path
                if branch == "labeled":
                    assert torch.equal(x.gt_sem_seg.data, y.gt_sem_seg.data)
                else:
                    assert torch.equal(x.homography, y.homography)


def test_batches_do_not_depend_on_the_workers(folder):
    assert_same(first_batches(folder, 0), first_batches(folder, 2))


def test_a_resumed_stream_goes_on_with_the_same_batches(folder):
    assert_same(first_batches(folder, 0)[2:], first_batches(folder, 0, 2, 1))


def test_drawing_a_sample_leaves_the_global_generators_alone(folder):
    dataset = build(folder)
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = random.random(), np.random.rand(), torch.rand(1)
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    _ = dataset[SampleKey("unlabeled", 0, 5)]
    assert (random.random(), np.random.rand(), torch.rand(1)) == expected


def test_seeded_restores_after_an_error():
    def draw_and_fail():
        with seeded(3):
            np.random.rand()
            raise KeyError

    state = np.random.get_state()[1].copy()
    with pytest.raises(KeyError):
        draw_and_fail()
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_metainfo_and_length(folder):
    dataset = build(folder)
    assert dataset.metainfo["classes"] == ("a", "b", "c")
    assert len(dataset) == 8
    assert len(dataset.sources["unlabeled"]) == 5


def test_none_takes_an_inherited_source_back(folder):
    cfg = config(folder)
    cfg["sources"]["unlabeled"] = None
    dataset = DATASETS.build(cfg)
    assert list(dataset.sources) == ["labeled"]
    assert len(dataset) == 3


def test_mistakes_are_named(folder):
    for sources in ({}, {"labeled": None}):
        with pytest.raises(ValueError, match="'labeled' is missing"):
            DATASETS.build({"type": "SemiDataset", "sources": sources})
    with pytest.raises(ValueError, match="on_error='ignore'"):
        build(folder, on_error="ignore")
    with pytest.raises(ValueError, match="SourceSampler"):
        build(folder)[0]
