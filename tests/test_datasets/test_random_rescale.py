"""Random sizes relative to the image's own."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_semisup.composition.pipelines import kind_of
from mmseg_semisup.datasets import RandomRescale


def rescaled(size, transform):
    image, mask = np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint8)
    fields = {"img": image, "gt_seg_map": mask, "seg_fields": ["gt_seg_map"]}
    results = transform(fields)
    assert results["gt_seg_map"].shape == results["img"].shape[:2]
    assert results["img_shape"] == results["img"].shape[:2]
    return results["img"].shape[:2]


@pytest.mark.parametrize("size", [(40, 60), (80, 20)])
def test_the_factor_is_uniform_and_relative_to_the_image(size):
    np.random.seed(0)
    transform = RandomRescale((0.5, 2.0))
    sizes = np.array([rescaled(size, transform) for _ in range(300)])
    factors = sizes / size
    longer = int(np.argmax(size))
    assert factors[:, longer].min() == pytest.approx(0.5, abs=0.03)
    assert factors[:, longer].max() == pytest.approx(2.0, abs=0.03)
    assert factors[:, longer].mean() == pytest.approx(1.25, abs=0.06)
    # Both sides have the same factor, but for the rounding to pixels.
    assert np.abs(sizes[:, 0] / sizes[:, 1] * size[1] / size[0] - 1).max() < 0.06


def test_images_of_different_sizes_have_their_own_scale():
    transform = RandomRescale((0.5, 0.5))
    assert rescaled((40, 60), transform) == (20, 30)
    assert rescaled((100, 80), transform) == (50, 40)


def test_views_of_an_image_share_it():
    assert kind_of({"type": "RandomRescale"}) == "geometry"


@pytest.mark.parametrize("ratio_range", [(0, 1), (2, 1)])
def test_mistakes_are_named(ratio_range):
    with pytest.raises(ValueError, match="ratio_range=.*; allowed: 0 < least"):
        RandomRescale(ratio_range)
