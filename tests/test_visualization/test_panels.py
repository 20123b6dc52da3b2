"""Pictures have the right colours at the right places."""

from __future__ import annotations

import mmcv
import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_semisup.visualization.panels import (
    TITLE_HEIGHT,
    color_labels,
    paint,
    stack_rows,
    titled_row,
)
from mmseg_semisup.visualization.signal_picture_hook import draw_sample

PALETTE = [(0, 0, 0), (255, 0, 0), (0, 0, 255)]


def test_labels_get_their_colours():
    colored = color_labels(np.array([[0, 1], [2, 255]]), PALETTE)
    expected = [[(0, 0, 0), (255, 0, 0)], [(0, 0, 255), (224, 224, 224)]]
    np.testing.assert_array_equal(colored, np.array(expected, dtype=np.uint8))


def test_thin_lines_separate_the_classes_of_large_pictures():
    labels = np.zeros((200, 200), np.uint8)
    labels[:, 100:] = 1
    large, small = paint(labels, PALETTE), paint(labels[:50], PALETTE)
    assert (large[:, 99] == 255).all()
    assert (large[:, 98] == PALETTE[0]).all()
    assert not (small == 255).all(-1).any()


def test_labels_are_enlarged_to_their_image():
    image = np.full((40, 60, 3), 90, np.uint8)
    painted = paint(np.array([[0, 1]], np.uint8), PALETTE, image)
    assert painted.shape == image.shape
    # 65 % of red, 35 % of a grey with three quarters of the contrast, and 20.
    np.testing.assert_allclose(painted[0, -1], [209, 44, 44], atol=1)


def test_titles_of_wide_rows_can_be_read():
    picture = np.full((400, 2800, 3), 90, np.uint8)
    row = titled_row({"a title": picture}, height=400)
    assert len(row) == 400 + 2 * TITLE_HEIGHT
    assert len(titled_row({"a title": picture[:, :900]}, 400)) == 400 + TITLE_HEIGHT


def test_rows_of_different_width_are_padded():
    red = np.full((10, 20, 3), (255, 0, 0), dtype=np.uint8)
    narrow, wide = titled_row({"a": red}, 10), titled_row({"a": red, "b": red}, 10)
    picture = stack_rows([narrow, wide])
    assert picture.shape[1] == wide.shape[1]
    assert (picture[: narrow.shape[0], 30:] == 255).all()


def test_a_sample_becomes_one_row_with_its_maps(tmp_path):
    path = str(tmp_path / "image.png")
    mmcv.imwrite(np.full((24, 32, 3), 90, dtype=np.uint8), path)
    sample = SegDataSample(metainfo={"img_path": path})
    shape = (1, 24, 32)
    sample.gt_sem_seg = PixelData(data=torch.ones(shape, dtype=torch.long))
    sample.pred_sem_seg = PixelData(data=torch.zeros(shape, dtype=torch.long))
    sample.seg_logits = PixelData(data=torch.zeros(3, 24, 32))
    without = draw_sample(sample, PALETTE).shape[1]
    sample.confidence = PixelData(data=torch.zeros(shape))
    row = draw_sample(sample, PALETTE)
    assert row.shape[1] == without + 320 + 4
    assert (row[-1, -1] == [68, 1, 84]).all()  # the dark end of viridis
