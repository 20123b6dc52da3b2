"""A manifest of another form is refused in one line that names file and key."""

from __future__ import annotations

import json

import pytest

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.datasets.pseudo_mask_store import Store

FILE = {"bytes": 1, "crc32": 2}
RECORD = {"id": "a", "image": "a.jpg", "size": [2, 3], "masks": FILE}
MANIFEST = {
    "format": 1,
    "classes": ["ground", "cat"],
    "palette": [[0, 0, 0], [255, 0, 0]],
    "images": [RECORD],
}


def read(folder, **changes):
    (folder / "manifest.json").write_text(json.dumps({**MANIFEST, **changes}))
    return Store(folder).read_manifest()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": "cat"}, "classes is cat"),
        ({"classes": [1, 2]}, "classes is"),
        ({"palette": {"cat": 1}}, "palette is"),
        ({"palette": [[0, 0], [1, 1]]}, "palette is"),
        ({"palette": [[0, 0, 300]]}, "palette is"),
        ({"images": [RECORD | {"masks": 3}]}, "'a': masks is 3"),
        ({"images": [RECORD | {"masks": {"bytes": 1}}]}, "'a': masks is"),
        ({"images": [RECORD | {"masks": FILE | {"crc32": "x"}}]}, "'a': masks is"),
        ({"images": [RECORD | {"confidence": []}]}, "'a': confidence is"),
        ({"images": [{k: RECORD[k] for k in ("id", "image", "size")}]}, "no masks"),
        ({"images": [RECORD, RECORD]}, "twice: a"),
        ({"images": [3]}, "is no image of a store"),
        ({"images": 3}, "is no manifest"),
    ],
)
def test_values_of_another_form(tmp_path, changes, message):
    assert read(tmp_path)["images"] == [RECORD]
    with pytest.raises(StoreError, match=rf"manifest\.json.*{message}") as raised:
        read(tmp_path, **changes)
    assert "\n" not in str(raised.value)
