"""Pseudo-masks: predictions that are stored, to be learned from."""

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.datasets.pseudo_mask_store import Store

from .cams import CamSettings
from .images import Item, list_items
from .make import file_hash, make_pseudo_masks
from .network import BatchPredictor
from .settings import Settings

__all__ = [
    "BatchPredictor",
    "CamSettings",
    "Item",
    "Settings",
    "Store",
    "StoreError",
    "file_hash",
    "list_items",
    "make_pseudo_masks",
]
