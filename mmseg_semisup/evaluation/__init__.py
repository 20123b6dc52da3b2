"""Metrics of the training signals."""

from .selected_pixels import SelectedPixelAccuracy

__all__ = ["SelectedPixelAccuracy"]
