"""RandAugment against Pillow, one operation after the other, and against its warp."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import sequential_augment
import torch
from mmengine.structures import PixelData
from mmseg.registry import TRANSFORMS
from sequential_augment import photo, rand_augment

from mmseg_semisup.datasets import MultiView, RandAugment, view_to_view, warp
from mmseg_semisup.datasets.rand_augment import (
    GEOMETRIC,
    OPERATIONS,
    Operation,
    affine,
    strength,
)

SIZE = (61, 90)
PACK = {"type": "PackSegInputs"}


def results(seed=0, size=SIZE):
    image, mask = photo(*size, seed)
    return {
        "img": image,
        "gt_seg_map": mask,
        "seg_fields": ["gt_seg_map"],
        "img_path": "a.png",
        "img_shape": size,
        "ori_shape": size,
    }


def both(operations, seed=0):
    """The package's image and mask, and Pillow's."""
    ours, (image, mask) = results(seed), photo(*SIZE, seed)
    RandAugment().apply(ours, operations)
    return ours["img"], ours["gt_seg_map"], *rand_augment(image, mask, operations)


def every_value(name):
    signs = (1, -1) if name in GEOMETRIC else (1,)
    fixed = name in ("identity", "autocontrast", "equalize")
    levels = range(1, 2 if fixed else 10)
    return [strength(name, level, sign) for level in levels for sign in signs]


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_pillows(name):
    image, mask = photo(*SIZE)
    changed = 0
    for value in every_value(name):
        ours, labels, plain, plain_labels = both([Operation(name, value)])
        if name in GEOMETRIC:
            # Points half-way between pixels may be rounded either way.
            assert (ours != plain).any(axis=2).mean() < 0.04
            assert (labels != plain_labels).mean() < 0.04
        else:
            worst = np.abs(ours.astype(int) - plain.astype(int)).max()
            # Integer or float arithmetic; the mean grey value may round differently.
            exact = ("autocontrast", "equalize", "posterize", "solarize", "identity")
            assert worst <= (0 if name in exact else 2), (value, worst)
            assert np.array_equal(labels, mask)
        changed += not np.array_equal(ours, image)
    assert changed > 0 or name == "identity"


@pytest.mark.parametrize("seed", range(6))
def test_chains_of_colour_changes_are_pillows(seed):
    rng = np.random.default_rng(seed)
    names = rng.choice([n for n in OPERATIONS if n not in GEOMETRIC], 3)
    chain = [Operation(n, strength(n, int(rng.integers(1, 10)), 1)) for n in names]
    ours, _, plain, _ = both(chain, seed)
    # Tables that stretch contrast enlarge a difference of one.
    difference = np.abs(ours.astype(int) - plain.astype(int))
    assert np.median(difference) <= 1, chain
    assert np.quantile(difference, 0.9) <= 12, chain


def test_colours_then_geometry_is_the_sequential_result():
    for geometry in ([("rotate", 12)], [("translate_x", 7), ("translate_y", -3)]):
        chain = [Operation("equalize", 0), Operation("posterize", 3)]
        chain += [Operation(*g) for g in geometry]
        ours, labels, plain, plain_labels = both(chain)
        assert (ours != plain).any(axis=2).mean() < 0.02
        assert (labels != plain_labels).mean() < 0.02


def test_composed_warp_is_where_the_single_ones_lead():
    chain = [Operation("rotate", 21), Operation("shear_x", -0.2)]
    chain += [Operation("translate_y", 5), Operation("shear_y", 0.1)]
    matrix = RandAugment().apply(results(), chain)
    point = np.array([30.0, 20.0, 1.0])
    for name, value in chain:
        point = affine(name, value, *SIZE) @ point
    assert np.allclose(matrix @ [30.0, 20.0, 1.0], point)
    # Directions as Pillow's: a dot is carried to where the matrix says.
    for name, value in chain:
        mask = np.zeros(SIZE, np.uint8)
        mask[19:22, 29:32] = 1
        image = np.zeros((*SIZE, 3), np.uint8)
        _, moved = rand_augment(image, mask, [Operation(name, value)])
        rows, columns = np.nonzero(moved == 1)
        x, y, _ = affine(name, value, *SIZE) @ [30.0, 20.0, 1.0]
        assert abs(columns.mean() - x) < 0.6
        assert abs(rows.mean() - y) < 0.6


def views(operations, monkeypatch, interpolation="nearest"):
    monkeypatch.setattr(RandAugment, "draw", lambda self: operations)
    strong = {"type": "RandAugment", "interpolation": interpolation}
    transform = MultiView({"weak": [PACK], "strong": [strong, PACK]})
    return transform(results())["data_samples"]


@pytest.mark.parametrize("name", GEOMETRIC)
def test_labels_are_where_the_recorded_homography_says(name, monkeypatch):
    for value in every_value(name)[::3]:
        samples = views([Operation(name, value)], monkeypatch)
        carry = view_to_view(*(samples[v].homography[None] for v in ("weak", "strong")))
        weak, strong = (samples[v].gt_sem_seg.data.long() for v in ("weak", "strong"))
        warped, inside = warp(weak, carry, SIZE, "nearest", 255)
        # OpenCV rounds coordinates to fractions; elsewhere the warps are equal.
        assert (warped != strong).float().mean() < 0.01
        border = ~inside[:, 0]
        assert (strong[border] != 255).float().sum() <= 0.02 * warped.numel()


def test_without_geometry_the_views_coincide_exactly(monkeypatch):
    for operations in (
        [],
        [Operation("identity", 0), Operation("equalize", 0)],
        [Operation("translate_x", 4), Operation("translate_x", -4)],
    ):
        samples = views(operations, monkeypatch)
        assert torch.equal(samples["strong"].homography, samples["weak"].homography)
        assert torch.equal(
            samples["strong"].gt_sem_seg.data, samples["weak"].gt_sem_seg.data
        )


def test_whole_pixels_are_exact_in_both_interpolations(monkeypatch):
    image, mask = photo(*SIZE)
    chain = [Operation("translate_x", 6), Operation("translate_y", -2)]
    for interpolation in ("nearest", "bilinear"):
        data = results()
        RandAugment(interpolation=interpolation).apply(data, chain)
        assert np.array_equal(data["img"][:-2, 6:], image[2:, :-6])
        assert np.array_equal(data["gt_seg_map"][:-2, 6:], mask[2:, :-6])
        assert (data["gt_seg_map"][:, :6] == 255).all()
        assert (data["img"][-2:] == 127).all()


def test_what_was_loaded_is_not_written_into(monkeypatch):
    data = results()
    image, mask = data["img"], data["gt_seg_map"]
    RandAugment().apply(data, [Operation("solarize", 77), Operation("rotate", 9)])
    assert np.array_equal(image, photo(*SIZE)[0])
    assert np.array_equal(mask, photo(*SIZE)[1])


def test_all_label_maps_move_together():
    data = results()
    data["other"] = data["gt_seg_map"].copy()
    data["seg_fields"].append("other")
    RandAugment().apply(data, [Operation("shear_y", 0.24)])
    assert np.array_equal(data["other"], data["gt_seg_map"])


def test_draws_have_the_distribution_of_the_sequential_version():
    np.random.seed(0)
    transform, rounds = RandAugment(), 6000
    drawn = [op for _ in range(rounds) for op in transform.draw()]
    # Each of the three is applied with probability 1/2 ...
    assert abs(len(drawn) / (3 * rounds) - 0.5) < 0.02
    # ... is each operation equally often ...
    names = Counter(op.name for op in drawn)
    assert set(names) == set(OPERATIONS)
    expected = len(drawn) / len(OPERATIONS)
    chi2 = sum((n - expected) ** 2 / expected for n in names.values())
    assert chi2 < 34.5  # the 0.1 % quantile of 13 degrees of freedom
    # ... and each of nine levels, and directions, equally often.
    for name in ("rotate", "color", "posterize", "shear_x"):
        values = Counter(round(op.value, 6) for op in drawn if op.name == name)
        possible = Counter(round(v, 6) for v in every_value(name))
        assert set(values) == set(possible)
        for value, count in values.items():
            share = possible[value] / possible.total()
            assert abs(count / names[name] - share) < 0.05
    # With replacement: the same operation may come twice.
    pairs = [[op.name for op in transform.draw()] for _ in range(500)]
    assert any(len(set(p)) < len(p) for p in pairs)


def test_published_strengths():
    assert [strength("rotate", v, -1) for v in (1, 9)] == [-3, -27]
    assert [strength("posterize", v, 1) for v in (1, 9)] == [4, 1]
    assert [strength("solarize", v, 1) for v in (1, 9)] == [231, 26]
    assert [strength("translate_x", v, 1) for v in (1, 9)] == [1, 9]
    assert np.allclose([strength("color", v, 1) for v in (0, 10)], [0.1, 1.9])
    assert np.allclose([strength("shear_y", v, -1) for v in (1, 9)], [-0.03, -0.27])


def test_images_look_alike_on_average():
    """Mean and spread of the results over many draws are the sequential version's."""
    np.random.seed(1)
    transform = RandAugment()
    ours, plain = [], []
    for seed in range(80):
        operations = transform.draw()
        image, labels, plain_image, plain_labels = both(operations, seed)
        for found, (picture, mask) in (
            (ours, (image, labels)),
            (plain, (plain_image, plain_labels)),
        ):
            found.append((picture.mean(), picture.std(), (mask == 255).mean()))
    difference = np.abs(np.array(ours) - np.array(plain))
    assert (difference.mean(axis=0) < [1.5, 1.5, 0.005]).all()


def test_flat_and_tiny_images():
    for size in ((1, 1), (2, 3)):
        for name in OPERATIONS:
            data = results(size=size)
            data["img"] = np.full((*size, 3), 90, np.uint8)
            RandAugment().apply(data, [Operation(name, strength(name, 9, 1))])
            assert data["img"].shape == (*size, 3)
            assert data["gt_seg_map"].shape == size


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_ops": -1}, "num_ops=-1"),
        ({"prob": 1.5}, "prob=1.5"),
        ({"levels": (3, 11)}, "levels"),
        ({"levels": (5, 2)}, "levels"),
        ({"operations": ["rotate", "warp"]}, "warp"),
        ({"operations": []}, "one or more"),
        ({"interpolation": "cubic"}, "'cubic'"),
        ({"fill": 256}, "fill=256"),
    ],
)
def test_bad_arguments(changes, words):
    with pytest.raises(ValueError, match=words):
        TRANSFORMS.build({"type": "RandAugment", **changes})


def test_it_is_packed_like_any_view(monkeypatch):
    samples = views([Operation("rotate", 15)], monkeypatch, "bilinear")
    assert isinstance(samples["strong"].gt_sem_seg, PixelData)
    assert samples["strong"].img_shape == SIZE


@pytest.mark.slow
def test_it_is_three_times_as_fast_as_one_after_the_other():
    sequential_augment.measure(samples=20)
    ratios = [plain / fast for plain, fast in map(_measure, range(5))]
    assert max(ratios) > 3, ratios


def _measure(_):
    return sequential_augment.measure(samples=200)


@pytest.mark.parametrize("name", OPERATIONS)
def test_crops_and_mirror_images_need_no_copy(name):
    """Arrays with strides of their own, as transforms before this one leave them."""
    operation = [Operation(name, strength(name, 7, 1))]
    for part in (np.s_[5:50, 10:70], np.s_[:, ::-1]):
        view, copy = results(), results()
        for key in ("img", "gt_seg_map"):
            view[key] = view[key][part]
            copy[key] = copy[key][part].copy()
        RandAugment().apply(view, operation)
        RandAugment().apply(copy, operation)
        assert np.array_equal(view["img"], copy["img"])
        assert np.array_equal(view["gt_seg_map"], copy["gt_seg_map"])
