import numpy as np
import pytest
from mmcv.transforms import Pad
from mmseg.datasets.transforms import CLAHE, RandomFlip, RandomRotFlip

from mmseg_semisup.datasets.view_geometry import apply_tracked, moves_pixels


def test_which_transforms_move_pixels():
    assert moves_pixels(Pad)
    assert moves_pixels(RandomFlip)
    assert moves_pixels(CLAHE) is False
    assert moves_pixels(dict) is None


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("rotate", "flip"), [(0.0, 1.0), (1.0, 1.0), (0.0, 0.0)])
def test_rotations_and_flips_are_followed(seed, rotate, flip):
    rows, columns = np.mgrid[:20, :28]
    smooth = (100 + 3 * rows + 2 * columns).astype(np.uint8)
    image = np.repeat(smooth[..., None], 3, axis=2)
    np.random.seed(seed)
    transform = RandomRotFlip(rotate, flip, degree=20)
    plain = transform({"img": image.copy(), "seg_fields": []})["img"]
    np.random.seed(seed)
    results, matrix = apply_tracked([transform], {"img": image, "seg_fields": []})
    assert np.array_equal(results["img"], plain)
    size = results["img"].shape[:2]
    y, x = (part.ravel() for part in np.mgrid[: size[0], : size[1]])
    x0, y0, w = np.linalg.inv(matrix) @ np.stack([x, y, np.ones_like(x)])
    inside = (x0 >= 1) & (x0 <= 26) & (y0 >= 1) & (y0 <= 18)
    expected = 100 + 3 * y0 + 2 * x0
    found = results["img"][..., 0].ravel()
    assert inside.sum() > 200
    assert np.abs(found - expected)[inside].max() <= 2
