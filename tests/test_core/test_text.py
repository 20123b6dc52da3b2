from __future__ import annotations

from mmseg_semisup.core.text import compare_names, shorten, suggest


def test_long_lists_end_with_their_length():
    assert shorten(["a", "b"]) == "a, b"
    assert shorten("abcdef", limit=5) == "a, b, c, d, e, ... (6 in all)"


def test_the_nearest_name_is_suggested_if_one_is_near():
    assert suggest("treshold", ["weight", "threshold"]) == (
        "did you mean 'threshold'? "
    )
    assert suggest("treshold", ["weight"]) == ""


def test_lists_are_compared_by_position_and_length():
    assert compare_names(["a", "b"], ["a", "b"]) == ""
    assert compare_names(["a", "x"], ["a", "b", "c"]) == (
        "1: 'x' instead of 'b', 2 classes instead of 3"
    )
