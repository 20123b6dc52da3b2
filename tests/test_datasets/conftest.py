"""A folder of small images, some with masks."""

from __future__ import annotations

import mmcv
import numpy as np
import pytest

CLASSES = ("a", "b", "c")
LABELED = ("000", "001", "002")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Eight images of 40x48 pixels; three have masks of three classes."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for i in range(8):
        name = f"{i:03d}"
        image = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
        mmcv.imwrite(image, str(root / f"img/{name}.jpg"))
        if name in LABELED:
            mask = rng.integers(0, len(CLASSES), (40, 48), dtype=np.uint8)
            mask[:4] = 255
            mmcv.imwrite(mask, str(root / f"ann/{name}.png"))
    (root / "labeled.txt").write_text("\n".join(LABELED))
    return root
