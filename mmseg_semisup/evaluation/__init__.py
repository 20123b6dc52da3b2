"""Metrics of the training signals."""

from .multi_label import MultiLabelMetric
from .selected_pixels import SelectedPixelAccuracy

__all__ = ["MultiLabelMetric", "SelectedPixelAccuracy"]
