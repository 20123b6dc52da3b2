import numpy as np
import pytest
from matplotlib.figure import Figure

from mmseg_semisup.evaluation import kept_picture
from mmseg_semisup.evaluation.kept_picture import draw_kept
from mmseg_semisup.evaluation.kept_pixels import KeptPixels

PALETTE = [[i, i, i] for i in range(12)]


def found(level, classes=12):
    rng = np.random.default_rng(0)
    counts = np.zeros((classes, 2, 2, 256))
    levels = np.arange(256) / 255
    for number in range(classes - 1):
        for right in (0, 1):
            pixels = rng.integers(1, 9 + 40 * right, 256)
            for kept in (0, 1):
                chosen = (levels >= level[number]) == bool(kept)
                counts[number, right, kept] = pixels * chosen
    names = [f"class {i}" for i in range(classes)]
    return KeptPixels(counts, np.array(level), names)


@pytest.mark.parametrize("checks", [1, 2])
def test_a_diagram_for_each_check(checks):
    one = found([0.9] * 12)
    picture = draw_kept({f"check {i}": one for i in range(checks)}, PALETTE)
    assert picture.shape == (440 * checks, 900, 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize(
    ("level", "used"),
    [([0.9] * 12, "threshold used: 0.9"), ([0.5] * 11 + [0.8], "used: 0.5 to 0.8")],
)
def test_the_legend_has_the_numbers(level, used):
    one = found(level)
    axes = Figure().subplots()
    kept_picture._draw(axes, "check", one, PALETTE)
    said = [text.get_text() for text in axes.get_legend().get_texts()]
    assert f"all classes, right: {100 * one.precision:.1f} %" in said
    assert f"all classes, kept: {100 * one.kept:.1f} %" in said
    assert any(used in text for text in said)
    # Of twelve classes the ten worst; the last one was never predicted.
    lowest = min(range(11), key=lambda i: one.class_precisions[i])
    assert f"class {lowest}: {100 * one.class_precisions[lowest]:.1f} %" in said
    assert sum(text.startswith("class ") for text in said) == 10


def test_nothing_is_kept():
    empty = KeptPixels(np.zeros((2, 2, 2, 256)), np.array([0.9, 0.9]), ("a", "b"))
    assert draw_kept({"check": empty}, PALETTE).any()
