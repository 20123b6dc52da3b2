"""What is wrong with a folder of pseudo-masks."""

from __future__ import annotations

from mmseg_semisup.datasets.sources import DataError


class StoreError(DataError):
    """Pseudo-masks cannot be made or used; the message names the files."""
