"""PNG files that are written row by row."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmseg_semisup.core.errors import WriteError
from mmseg_semisup.core.row_png import RowPng


@pytest.mark.parametrize("indexed", [True, False])
def test_the_file_has_the_rows(tmp_path, indexed):
    generator = np.random.default_rng(0)
    values = generator.integers(0, 256, (23, 17), dtype=np.uint8)
    palette = generator.integers(0, 256, (256, 3), dtype=np.uint8)
    path = tmp_path / "folder" / "mask.png"
    with RowPng(path, values.shape, palette if indexed else None) as png:
        for rows in (values[:1], values[1:1], values[1:20], values[20:]):
            assert not path.exists()
            png.write(rows)
    image = Image.open(path)
    assert image.mode == ("P" if indexed else "L")
    np.testing.assert_array_equal(np.array(image), values)
    if indexed:
        assert image.getpalette() == palette.ravel().tolist()
    assert [file.name for file in path.parent.iterdir()] == ["mask.png"]


def test_an_incomplete_file_does_not_appear(tmp_path):
    path = tmp_path / "mask.png"
    row = np.zeros((1, 4), np.uint8)
    with pytest.raises(ZeroDivisionError), RowPng(path, (2, 4)) as png:
        png.write(row[: 1 // (png.size[0] - 2)])
    with (
        pytest.raises(ValueError, match="1 rows are missing"),
        RowPng(path, (2, 4)) as p,
    ):
        p.write(row)
    with (
        pytest.raises(ValueError, match=r"\(2, 4\) for 1 rows"),
        RowPng(path, (1, 4)) as png,
    ):
        png.write(np.zeros((2, 4), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(WriteError, match="cannot write .*mask.png"),
        RowPng(tmp_path / "file" / "mask.png", (1, 1)),
    ):
        pass
