"""True masks beside which pseudo-masks are judged."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.pseudo_masks.images import Item
from mmseg_semisup.pseudo_masks.statistics import load_truth


@pytest.mark.parametrize("ignored", [2, 255])
def test_the_data_sets_ignored_label_does_not_count(tmp_path, ignored):
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, 1, ignored]] * 2, np.uint8)).save(path)
    mask = {"seg_map_path": str(path), "ignore_index": ignored}
    item = Item("mask", str(path), "labeled", mask)
    assert load_truth(item, (2, 3), 2).tolist() == [[0, 1, 255]] * 2
    other = Item("mask", str(path), "labeled", {**mask, "ignore_index": 7})
    with pytest.raises(StoreError, match=rf"mask has the values \[{ignored}\]"):
        load_truth(other, (2, 3), 2)
