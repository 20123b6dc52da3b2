"""As many changes as are drawn, and what each does."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest

from mmseg_semisup.datasets.random_intensity import (
    OPERATIONS,
    RandomIntensity,
    strength,
    turned,
)

IMAGE = np.random.default_rng(0).integers(40, 200, (50, 40, 3), dtype=np.uint8)


def test_one_to_three_changes_of_each_kind():
    np.random.seed(0)
    drawn = [RandomIntensity().draw() for _ in range(6000)]
    counts = Counter(len(changes) for changes in drawn)
    assert sorted(counts) == [1, 2, 3]
    assert all(n / 6000 == pytest.approx(1 / 3, abs=0.03) for n in counts.values())
    names = Counter(name for changes in drawn for name, _ in changes)
    assert set(names) == set(OPERATIONS)
    total = sum(names.values())
    assert all(n / total == pytest.approx(1 / 11, abs=0.02) for n in names.values())


@pytest.mark.parametrize(
    ("name", "least", "greatest"),
    [
        ("contrast", 0.05, 0.95),
        ("blur", 0.1, 2.0),
        ("posterize", 4, 7),
        ("solarize", 1, 255),
        ("hue", -0.5, 0.5),
        ("equalize", 0, 0),
    ],
)
def test_strengths(name, least, greatest):
    np.random.seed(0)
    values = [strength(name) for _ in range(3000)]
    assert min(values) >= least
    assert max(values) <= greatest
    width = greatest - least
    assert max(values) - min(values) >= 0.95 * width


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_change_alone(name, monkeypatch):
    transform = RandomIntensity()
    value = {"posterize": 4, "solarize": 100, "hue": 0.25, "blur": 1.0}.get(name, 0.5)
    monkeypatch.setattr(transform, "draw", lambda: [(name, value)])
    found = transform.transform({"img": IMAGE.copy()})["img"]
    assert found.shape == IMAGE.shape
    assert found.dtype == np.uint8
    assert np.array_equal(found, IMAGE) == (name == "identity")
    if name == "brightness":
        assert np.abs(found - IMAGE / 2).max() <= 1
    if name == "blur":
        assert np.array_equal(found, cv2.GaussianBlur(IMAGE, (13, 13), 1.0))


def test_changes_follow_each_other(monkeypatch):
    transform = RandomIntensity()
    monkeypatch.setattr(
        transform, "draw", lambda: [("brightness", 0.5), ("hue", 0.5), ("blur", 0.7)]
    )
    found = transform.transform({"img": IMAGE.copy()})["img"]
    darker = np.clip(IMAGE * 0.5, 0, 255).astype(np.uint8)
    expected = cv2.GaussianBlur(turned(darker, 0.5), (13, 13), 0.7)
    assert np.array_equal(found, expected)


def test_a_third_of_a_turn_exchanges_the_colours():
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 2] = 200
    green, *_ = turned(red, 1 / 3)[0]
    assert green[1] == 200
    assert max(green[0], green[2]) <= 5
    assert np.array_equal(turned(red, 0.0), red)


def test_no_change_at_all_is_refused():
    with pytest.raises(ValueError, match="RandomIntensity: max_ops=0"):
        RandomIntensity(0)
