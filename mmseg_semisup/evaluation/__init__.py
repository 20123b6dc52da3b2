"""Metrics, and the test loop of a segmentor with a classifier.

``models``, ``datasets`` and ``core`` may be imported.
"""

from .counted_iou import CountedIoUMetric
from .fusion_loop import FusionTestLoop
from .multi_label import MultiLabelMetric
from .selected_pixels import SelectedPixelAccuracy

__all__ = [
    "CountedIoUMetric",
    "FusionTestLoop",
    "MultiLabelMetric",
    "SelectedPixelAccuracy",
]
