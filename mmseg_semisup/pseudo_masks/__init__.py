"""Writes predictions of a network to a store, and compares them with true masks.

``datasets`` reads the store. ``export`` and the layers below it may be imported,
``benchmark`` may not.
"""

from .cams import CamSettings
from .images import Item, list_items
from .make import file_hash, load_predictor, make_pseudo_masks
from .network import BatchPredictor
from .settings import Settings

__all__ = [
    "BatchPredictor",
    "CamSettings",
    "Item",
    "Settings",
    "file_hash",
    "list_items",
    "load_predictor",
    "make_pseudo_masks",
]
