"""Data that several test files check."""

from __future__ import annotations

import gc

import pytest
from checked_data import save_ten_images


@pytest.fixture(scope="module")
def quick_collection():
    """mmengine collects garbage for each dataset; there is much to look at by now."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def ten_images(tmp_path):
    """A folder with ten images, see :func:`checked_data.save_ten_images`."""
    save_ten_images(tmp_path)
    return tmp_path
