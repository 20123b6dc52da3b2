"""Pseudo-masks: predictions that are stored, to be learned from."""

from .errors import StoreError
from .images import Item, list_items
from .make import file_hash, make_pseudo_masks
from .network import BatchPredictor
from .settings import Settings
from .store import Store

__all__ = [
    "BatchPredictor",
    "Item",
    "Settings",
    "Store",
    "StoreError",
    "file_hash",
    "list_items",
    "make_pseudo_masks",
]
