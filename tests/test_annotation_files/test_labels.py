from __future__ import annotations

import pytest

from mmseg_semisup.annotation_files import Labels
from mmseg_semisup.core.errors import ConfigError

CLASSES = ["Background", "car", "tree"]


@pytest.mark.parametrize(
    ("background", "drawn", "rest"),
    [
        (None, {1: "car", 2: "tree"}, 0),
        ("tree", {0: "Background", 1: "car"}, 2),
        ("none", {0: "Background", 1: "car", 2: "tree"}, 255),
    ],
)
def test_the_background_is_not_drawn(background, drawn, rest):
    labels = Labels.of(CLASSES, background=background)
    assert (labels.drawn, labels.rest) == (drawn, rest)
    assert len(labels.palette) == 3


def test_ignored_pixels_may_have_a_name():
    labels = Labels.of(CLASSES, ignored="unsure")
    assert labels.drawn == {1: "car", 2: "tree", 255: "unsure"}
    assert labels.number("unsure") == 255
    assert labels.colour(255) == (224, 224, 224)
    assert labels.number("bus") is None
    assert "did you mean 'car'" in labels.unknown("cra")


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        (["car", "car"], {}, "names must differ"),
        (["car", ""], {}, "none may be empty"),
        (["car"], {"ignored": "car"}, "that of ignored pixels"),
        (["car"], {"background": "cra"}, "did you mean 'car'"),
        ([str(i) for i in range(256)], {}, "256 classes; allowed: up to 255"),
    ],
)
def test_wrong_classes(names, options, words):
    with pytest.raises(ConfigError, match=words):
        Labels.of(names, **options)
