"""Table 7's figures against a count by hand."""

from __future__ import annotations

import math

import pytest
import torch
from mmengine.logging import MMLogger

from mmseg_semisup.evaluation import SelectedPixelAccuracy


def prediction(confidence, predicted, label):
    def data(values):
        return {"data": torch.tensor([[values]])}

    return {
        "confidence": data(confidence),
        "pred_sem_seg": data(predicted),
        "gt_sem_seg": data(label),
    }


def test_counts_over_all_images():
    MMLogger.get_instance("test")
    metric = SelectedPixelAccuracy(thresholds=(0.0, 0.5, 0.9))
    metric.process({}, [prediction([0.6, 0.2, 0.7, 0.9], [1, 1, 2, 3], [1, 0, 255, 3])])
    metric.process({}, [prediction([0.5, 0.8], [0, 0], [0, 1])])
    result = metric.evaluate(2)
    assert result["selected/share@0"] == pytest.approx(100)
    assert result["selected/accuracy@0"] == pytest.approx(100 * 3 / 5)
    assert result["selected/share@0.5"] == pytest.approx(100 * 3 / 5)
    assert result["selected/accuracy@0.5"] == pytest.approx(100 * 2 / 3)
    assert result["selected/share@0.9"] == 0
    assert math.isnan(result["selected/accuracy@0.9"])


def test_a_missing_map_is_named():
    sample = prediction([0.5], [0], [0])
    del sample["confidence"]
    with pytest.raises(ValueError, match="signal_maps=True"):
        SelectedPixelAccuracy().process({}, [sample])
