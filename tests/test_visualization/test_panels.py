"""Pictures have the right colours at the right places."""

from __future__ import annotations

import mmcv
import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_semisup.visualization.panels import color_labels, stack_rows, titled_row
from mmseg_semisup.visualization.signal_picture_hook import draw_sample

PALETTE = [(0, 0, 0), (255, 0, 0), (0, 0, 255)]


def test_labels_get_their_colours():
    colored = color_labels(np.array([[0, 1], [2, 255]]), PALETTE)
    expected = [[(0, 0, 0), (255, 0, 0)], [(0, 0, 255), (224, 224, 224)]]
    np.testing.assert_array_equal(colored, np.array(expected, dtype=np.uint8))


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
