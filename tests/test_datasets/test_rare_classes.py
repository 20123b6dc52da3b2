"""Images drawn by their classes: probabilities, order, and every process alike."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from unittest import mock

import numpy as np
import pytest

from mmseg_semisup.datasets import SourceSampler
from mmseg_semisup.datasets.dealt import Dealt
from mmseg_semisup.datasets.rare_classes import RareClasses
from test_datasets.test_semi_dataset import build

PIXELS = np.array(
    [[90, 0, 10, 0], [100, 0, 0, 0], [95, 5, 0, 0], [60, 0, 40, 0], [100, 0, 0, 0]]
)
"""Five masks; two are of the first class alone, and the last class is in none."""


@pytest.mark.parametrize("temperature", [0.01, 0.5, 100.0])
def test_probabilities_of_daformer(temperature):
    found = RareClasses(PIXELS, temperature)
    total = sum(sum(row) for row in PIXELS.tolist())
    shares = [sum(row[c] for row in PIXELS.tolist()) / total for c in range(4)]
    scores = [math.exp((1 - f) / temperature) if f else 0.0 for f in shares]
    expected = [score / sum(scores) for score in scores]
    assert found.frequencies.tolist() == pytest.approx(shares)
    assert found.probabilities.tolist() == pytest.approx(expected)
    assert found.probabilities[3] == 0


def test_an_image_that_shows_the_class_is_drawn():
    found = RareClasses(PIXELS, temperature=1.0)
    drawn = [found.draw(seed) for seed in range(4000)]
    assert drawn == [found.draw(seed) for seed in range(4000)]
    assert all(PIXELS[one.image, one.label] > 0 for one in drawn)
    labels = Counter(one.label for one in drawn)
    for label, probability in enumerate(found.probabilities):
        assert labels[label] / 4000 == pytest.approx(probability, abs=0.03)
    images = Counter(one.image for one in drawn if one.label == 2)
    assert images[0] / images.total() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_the_others_keep_their_order(share):
    found = RareClasses(PIXELS, share=share)
    others = [found.ordinal(k) for k in range(100) if not found.draws(k)]
    assert others == list(range(100 - round(100 * share)))


def test_one_class_and_one_image():
    found = RareClasses(np.array([[7]]))
    assert found.probabilities.tolist() == [1.0]
    assert found.draw(3) == (0, 0)


@pytest.mark.parametrize(
    ("pixels", "options", "text"),
    [
        (PIXELS, {"temperature": 0}, "temperature=0; allowed: > 0"),
        (PIXELS, {"share": 1.5}, "share=1.5; allowed: 0 to 1"),
        (PIXELS * 0, {}, "no mask shows a class"),
    ],
)
def test_what_is_refused(pixels, options, text):
    with pytest.raises(ValueError, match=text):
        RareClasses(pixels, **options)


class Source(list):
    metainfo = {"classes": list("abcd")}


class Sources:
    def __init__(self):
        self.sources = {"labeled": Source(range(5)), "unlabeled": Source(range(9))}


def sampler_of(rank=0, world_size=1, options=None, **changes):
    counted = mock.patch(
        "mmseg_semisup.datasets.rare_classes.pixels_of_images", return_value=PIXELS
    )
    dist = mock.patch(
        "mmseg_semisup.datasets.sampler.get_dist_info", return_value=(rank, world_size)
    )
    masks = mock.patch("mmseg_semisup.datasets.rare_classes.leaves", return_value=[])
    with counted, dist, masks:
        return SourceSampler(
            Sources(),
            {"labeled": 1, "unlabeled": 1},
            seed=3,
            rare_classes={"labeled": options or {}},
            **changes,
        )


def keys(count, *args, skip=0, **changes):
    sampler = sampler_of(*args, **changes)
    sampler.skip(skip)
    return list(itertools.islice(sampler, count))


def test_half_of_the_labelled_samples_are_drawn():
    stream = keys(400)
    plain = [k for k in stream if k.source == "unlabeled"]
    assert all(k.drawn_class is None for k in plain)
    labeled = [k for k in stream if k.source == "labeled"]
    drawn = [k for k in labeled if k.drawn_class is not None]
    assert len(drawn) == 100
    assert all(PIXELS[k.index, k.drawn_class] > 0 for k in drawn)
    others = [k.index for k in labeled if k.drawn_class is None]
    assert all(sorted(others[i : i + 5]) == [0, 1, 2, 3, 4] for i in range(0, 100, 5))
    assert len({k.seed for k in stream}) == 400


def test_other_sources_and_seeds_are_those_of_a_plain_sampler():
    plain = SourceSampler(Sources(), {"labeled": 1, "unlabeled": 1}, seed=3)
    for one, other in zip(keys(40), itertools.islice(plain, 40), strict=True):
        assert one.seed == other.seed
        if one.source == "unlabeled":
            assert one == other


def test_a_resumed_training_goes_on_and_processes_share_the_stream():
    whole = keys(64)
    assert keys(24, skip=40) == whole[40:]
    # Blocks of two samples are dealt in turn.
    first, second = keys(32, 0, 2), keys(32, 1, 2)
    blocks = [
        block
        for i in range(0, 32, 2)
        for block in (first[i : i + 2], second[i : i + 2])
    ]
    assert [key for block in blocks for key in block] == whole


def test_a_stream_that_others_dealt_before_goes_on():
    sampler = sampler_of()
    whole = [sampler.key(i) for i in range(40)]
    sampler.dealt = Dealt(0, {"labeled": 10, "unlabeled": 10})
    assert [sampler.key(i) for i in range(20)] == whole[20:]


def test_frequencies_are_read_from_the_masks(folder):
    dataset = build(folder)
    options = {"labeled": {"temperature": 0.5, "share": 1.0}}
    sampler = SourceSampler(
        dataset, {"labeled": 1, "unlabeled": 1}, seed=0, rare_classes=options
    )
    rare = sampler.rare["labeled"]
    assert rare.frequencies.sum() == pytest.approx(1)
    key = next(k for k in sampler if k.source == "labeled")
    sample = dataset[key]
    mask = sample["data_samples"]["labeled"].gt_sem_seg.data
    assert mask.shape == (1, 24, 24)
    assert key.drawn_class is not None


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"labelled": {}}, r"allowed: the sources \['labeled', 'unlabeled'\]"),
        ({"labeled": {"temprature": 1}}, r"each with \['temperature', 'share'\]"),
        ({"unlabeled": {}}, "source 'unlabeled', which has no masks of named classes"),
    ],
)
def test_sources_that_cannot_be_read_by_class(folder, options, text):
    with pytest.raises(ValueError, match=text):
        SourceSampler(
            build(folder), {"labeled": 1, "unlabeled": 1}, rare_classes=options
        )
