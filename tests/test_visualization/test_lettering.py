from __future__ import annotations

import numpy as np

from mmseg_semisup.visualization.lettering import fit_text, text_width, write_text


def test_a_text_is_written_where_it_belongs():
    picture = np.full((20, 100, 3), 255, np.uint8)
    end = write_text(picture, "sky é", 10, 10)
    dark = (picture < 128).any(axis=(0, 2)).nonzero()[0]
    assert 10 <= dark.min() < 14
    assert end - 4 < dark.max() < end
    assert end == 10 + text_width("sky é")


def test_a_long_text_is_cut_off():
    assert fit_text("sky", 100) == "sky"
    cut = fit_text("a very long name of a class", 60)
    assert cut.endswith("…")
    assert text_width(cut) <= 60
