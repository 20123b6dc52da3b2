"""A journal of another form is refused by file and line."""

from __future__ import annotations

import json

import pytest

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.datasets.pseudo_mask_store import Store
from mmseg_semisup.pseudo_masks.images import Item
from mmseg_semisup.pseudo_masks.progress import read_journals

LINE = {"batch": 0, "images": [{"id": "a"}], "statistics": {}}


@pytest.mark.parametrize(
    "changes",
    [
        {"images": 3},
        {"images": [3]},
        {"images": [{}]},
        {"batch": 7},
        {"batch": "x"},
        {"statistics": [1]},
        {"statistics": {"labeled": {"unknown": 1}}},
    ],
)
def test_lines_of_another_form(tmp_path, changes):
    store = Store(tmp_path)
    store.progress.mkdir()
    plan = [[Item("a", "a.jpg", "labeled")]]
    path = store.progress / "0.jsonl"
    # A killed process leaves half of a line, and masks may have been removed.
    path.write_text(f'{{"batch": \n{json.dumps(LINE)}\n')
    assert set(read_journals(store, plan)) <= {0}
    path.write_text(json.dumps(LINE | changes))
    with pytest.raises(StoreError, match=r"0\.jsonl: line 1 is no record"):
        read_journals(store, plan)
