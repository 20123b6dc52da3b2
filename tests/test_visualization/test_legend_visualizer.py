from __future__ import annotations

import mmcv
import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_semisup.visualization import SegLegendVisualizer

PALETTE = [[200, 30, 30], [30, 30, 200]]


def test_a_row_with_truth_prediction_and_legend(tmp_path):
    visualizer = SegLegendVisualizer(name="legend-test")
    visualizer.dataset_meta = {"classes": ("cat", "dog"), "palette": PALETTE}
    image = np.full((200, 300, 3), 90, np.uint8)
    sample = SegDataSample()
    labels = torch.zeros(1, 200, 300, dtype=torch.long)
    labels[:, 100:] = 1
    sample.gt_sem_seg = PixelData(data=labels)
    sample.pred_sem_seg = PixelData(data=torch.zeros_like(labels))
    file = str(tmp_path / "row.png")
    visualizer.add_datasample("a", image, sample, out_file=file)
    row = mmcv.imread(file, channel_order="rgb")
    assert row.shape[1] == 3 * 300 + 2 * 4
    legend = row[230:]
    assert all((legend == color).all(-1).any() for color in PALETTE)
    opaque = SegLegendVisualizer(name="opaque", alpha=1.0)
    opaque.dataset_meta = visualizer.dataset_meta
    opaque.add_datasample("a", image, sample, out_file=file)
    solid = mmcv.imread(file, channel_order="rgb")
    assert solid[60, 400].tolist() == PALETTE[0]
    visualizer.add_datasample("a", image, sample, out_file=file, draw_gt=False)
    without = mmcv.imread(file, channel_order="rgb")
    assert without.shape[1] == 2 * 300 + 4
    assert not (without[230:] == PALETTE[1]).all(-1).any()
