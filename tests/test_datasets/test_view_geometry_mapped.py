import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mmseg_semisup.datasets.view_geometry import apply_tracked

COLOURS = {"type": "PhotoMetricDistortion"}
MAPPED = {
    "type": "KeyMapper",
    "mapping": {"img": "image"},
    "remapping": {"img": "image"},
}


def apply(*steps):
    results = {"image": np.full((4, 6, 3), 100, np.uint8), "img": None}
    transforms = [TRANSFORMS.build({**MAPPED, "transforms": list(steps)})]
    return apply_tracked(transforms, results)


def test_renamed_keys_do_not_move_pixels():
    np.random.seed(1)
    results, matrix = apply(COLOURS, {"type": "RandomGrayscale", "prob": 1.0})
    assert (matrix == np.eye(3)).all()
    assert (results["image"] != 100).any()


def test_geometry_of_renamed_keys_is_refused():
    with pytest.raises(ValueError, match="RandomFlip in a KeyMapper"):
        apply(COLOURS, {"type": "RandomFlip", "prob": 0.5})
