"""Metrics of the training signals."""

from .fusion_loop import FusionTestLoop
from .multi_label import MultiLabelMetric
from .selected_pixels import SelectedPixelAccuracy

__all__ = ["FusionTestLoop", "MultiLabelMetric", "SelectedPixelAccuracy"]
