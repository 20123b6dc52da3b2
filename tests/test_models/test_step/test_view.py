"""Places that two views share, against a loop over features."""

from __future__ import annotations

import math

import pytest
import torch
from helpers import sample

from mmseg_semisup.models import Step
from mmseg_semisup.models.objectives.context_contrast import CropFeatures


def views(first, second, first_size, second_size, source):
    """A step with two views of one source, given by their homographies."""
    images, samples = {}, {}
    for name, homography, size in (
        ("first", first, first_size),
        ("second", second, second_size),
    ):
        one = sample(size, homography=homography)
        one.set_metainfo({"source_shape": source})
        images[name] = torch.zeros(1, 3, *size)
        samples[name] = [one]
    return Step({}, images, samples, 0)


def shown(homography, size, source):
    """Pixels of a view that show the source."""
    mask = torch.zeros(size, dtype=torch.bool)
    back = torch.linalg.inv(homography)
    for v in range(size[0]):
        for u in range(size[1]):
            x, y, w = (back @ torch.tensor([u, v, 1.0]).double()).tolist()
            mask[v, u] = (
                -0.5 <= x / w < source[1] - 0.5 and -0.5 <= y / w < source[0] - 0.5
            )
    return mask


def brute_force(first, second, first_size, second_size, source, maps):
    """Middle of a feature to source to second view to the feature it falls into."""
    (h, w), (h2, w2) = maps
    shows = [
        shown(m, size, source)
        for m, size in ((first, first_size), (second, second_size))
    ]

    def whole(mask, i, j, rows, columns):
        a, b = mask.shape[0] // rows, mask.shape[1] // columns
        return bool(mask[i * a : (i + 1) * a, j * b : (j + 1) * b].all())

    places = torch.zeros(h, w, dtype=torch.long)
    overlap = torch.zeros(h, w, dtype=torch.bool)
    for i in range(h):
        for j in range(w):
            middle = torch.tensor(
                [
                    (j + 0.5) * first_size[1] / w - 0.5,
                    (i + 0.5) * first_size[0] / h - 0.5,
                    1.0,
                ]
            ).double()
            there = second @ torch.linalg.inv(first) @ middle
            x, y = (there[:2] / there[2]).tolist()
            x = round((x + 0.5) * w2 / second_size[1] - 0.5, 6)
            y = round((y + 0.5) * h2 / second_size[0] - 0.5, 6)
            column, row = math.floor(x + 0.5), math.floor(y + 0.5)
            if not (0 <= row < h2 and 0 <= column < w2):
                continue
            if whole(shows[0], i, j, h, w) and whole(shows[1], row, column, h2, w2):
                places[i, j], overlap[i, j] = row * w2 + column, True
    return places, overlap


def matrix(*rows):
    return torch.tensor(rows, dtype=torch.float64)


CASES = {
    "crops": (
        matrix([1, 0, -8], [0, 1, 0], [0, 0, 1]),
        matrix([1, 0, 0], [0, 1, -16], [0, 0, 1]),
        ((32, 32), (32, 32), (48, 40), ((4, 4), (4, 4))),
    ),
    "flipped": (
        matrix([-1, 0, 31], [0, 1, 0], [0, 0, 1]),
        matrix([1, 0, -8], [0, -1, 39], [0, 0, 1]),
        ((32, 32), (32, 32), (48, 40), ((4, 4), (8, 8))),
    ),
    "enlarged, other strides": (
        matrix([1, 0, 0], [0, 1, 0], [0, 0, 1]),
        matrix([2, 0, -7.5], [0, 2, 0.5], [0, 0, 1]),
        ((24, 32), (32, 40), (24, 32), ((3, 4), (8, 5))),
    ),
    "turned": (
        matrix([1, 0, -3], [0, 1, -5], [0, 0, 1]),
        matrix([0.8, -0.6, 9.3], [0.6, 0.8, -4.2], [0, 0, 1]),
        ((24, 24), (24, 24), (40, 36), ((6, 6), (4, 4))),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_equals_brute_force(case):
    first, second, (first_size, second_size, source, maps) = CASES[case]
    step = views(first, second, first_size, second_size, source)
    indices, overlap = step["first"].counterparts_in(step["second"], maps)
    expected, expected_overlap = brute_force(
        first, second, first_size, second_size, source, maps
    )
    assert expected_overlap.any()
    assert not expected_overlap.all()
    assert torch.equal(overlap[0], expected_overlap)
    assert torch.equal(indices[0][overlap[0]], expected[expected_overlap])


def test_features_are_taken_by_index():
    maps = torch.arange(12).view(2, 6)
    crop = CropFeatures(maps[..., None].expand(-1, -1, 3), maps / 12, maps, (2, 3))
    indices = torch.tensor([[0, 5, 5], [1, 2, 0]])
    expected = torch.tensor([[0, 5, 5], [7, 8, 6]])
    taken = crop.take(indices)
    assert torch.equal(taken.labels, expected)
    assert torch.equal(taken.confidence, expected / 12)
    assert torch.equal(taken.features[..., 2], expected)
