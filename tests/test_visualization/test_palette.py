from __future__ import annotations

import numpy as np

from mmseg_semisup.visualization.palette import default_palette, full_palette


def test_colours_differ_and_begin_like_those_of_pascal_voc():
    colours = default_palette(256)
    assert colours[:4] == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert len({tuple(colour) for colour in colours}) == 256
    assert np.array(colours).max() <= 255


def test_a_palette_of_a_file_has_256_entries():
    palette = full_palette([[1, 2, 3]])
    assert (palette.shape, palette.dtype) == ((256, 3), np.uint8)
    assert palette[0].tolist() == [1, 2, 3]
    assert not palette[1:].any()
