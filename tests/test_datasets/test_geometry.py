"""Warps against a brute-force loop; views against their recorded homography."""

from __future__ import annotations

import math

import mmcv
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_semisup.datasets import (
    MultiView,
    register_appearance,
    rescale,
    valid_mask,
    view_to_view,
    warp,
)

PACK = {"type": "PackSegInputs"}


def matrix(rows):
    return torch.tensor([rows], dtype=torch.float64)


def flip_x(width):
    return matrix([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])


def crop(left, top):
    return matrix([[1.0, 0, -left], [0, 1, -top], [0, 0, 1]])


def rotation(degrees, cx, cy):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return matrix(
        [[c, -s, cx - c * cx + s * cy], [s, c, cy - s * cx - c * cy], [0, 0, 1]]
    )


def scaling(sx, sy):
    return matrix([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])


def brute_force(maps, homography, size, mode, fill):
    """One pixel at a time, in float64, by the definition of the homography."""
    n, c, height, width = maps.shape
    result = np.full((n, c, *size), fill, dtype=np.float64)
    inside = np.zeros((n, 1, *size), dtype=bool)
    for i in range(n):
        inverse = np.linalg.inv(homography[i].numpy())
        for v in range(size[0]):
            for u in range(size[1]):
                x, y, w = inverse @ [u, v, 1.0]
                x, y = x / w, y / w
                x, y = (round(t) if abs(t - round(t)) < 1e-4 else t for t in (x, y))
                if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5):
                    continue
                inside[i, 0, v, u] = True
                if mode == "nearest":
                    x, y = math.floor(x + 0.5), math.floor(y + 0.5)
                x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
                x0, y0 = math.floor(x), math.floor(y)
                x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
                fx, fy = x - x0, y - y0
                m = maps[i].double().numpy()
                top = m[:, y0, x0] * (1 - fx) + m[:, y0, x1] * fx
                low = m[:, y1, x0] * (1 - fx) + m[:, y1, x1] * fx
                result[i, :, v, u] = top * (1 - fy) + low * fy
    return result, inside


EXACT = {
    "identity": (torch.eye(3).double()[None], (9, 12)),
    "flip": (flip_x(12), (9, 12)),
    "crop": (crop(3, 2), (5, 6)),
    "crop beyond the border": (crop(-4, 6), (8, 9)),
    "flip of a crop": (flip_x(6) @ crop(3, 2), (5, 6)),
}
INEXACT = {
    "rotation": (rotation(23, 5.5, 4.0), (9, 12)),
    "enlarged": (scaling(1.7, 1.3), (12, 20)),
    "reduced": (scaling(0.4, 0.6), (5, 5)),
    "perspective": (matrix([[1.0, 0.1, 0], [0, 1.1, 0], [0.01, 0.002, 1]]), (9, 12)),
}


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("case", [*EXACT, *INEXACT])
def test_warp_equals_brute_force(case, mode):
    homography, size = {**EXACT, **INEXACT}[case]
    maps = torch.rand(2, 3, 9, 12)
    homography = homography.expand(2, 3, 3)
    warped, inside = warp(maps, homography, size, mode, fill=-1.0)
    expected, expected_inside = brute_force(maps, homography, size, mode, -1.0)
    np.testing.assert_array_equal(inside.numpy(), expected_inside)
    assert inside.any()
    if case in EXACT or mode == "nearest":
        np.testing.assert_array_equal(warped.numpy(), expected)
    else:
        np.testing.assert_allclose(warped.numpy(), expected, atol=1e-6)


def test_labels_keep_their_type_and_get_the_ignored_value():
    labels = torch.arange(12).view(1, 3, 4)
    warped, inside = warp(labels, crop(2, 1), (3, 4), "nearest", 255)
    assert warped.dtype == labels.dtype
    expected = [[6, 7, 255, 255], [10, 11, 255, 255], [255] * 4]
    assert warped[0].tolist() == expected
    assert torch.equal(inside[:, 0], warped != 255)


def test_each_image_has_its_own_homography():
    maps = torch.rand(2, 1, 6, 8)
    both = torch.cat([flip_x(8), torch.eye(3).double()[None]])
    warped, _ = warp(maps, both, (6, 8))
    assert torch.equal(warped[0], maps[0].flip(-1))
    assert torch.equal(warped[1], maps[1])


def test_warp_is_differentiable():
    maps = torch.rand(1, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    turn = rotation(10, 2.0, 1.5)
    assert torch.autograd.gradcheck(lambda m: warp(m, turn, (4, 5))[0], maps)


def test_mistakes_are_named():
    labels = torch.zeros(1, 2, 2, dtype=torch.long)
    eye = torch.eye(3)[None]
    with pytest.raises(ValueError, match="cannot be interpolated"):
        warp(labels, eye, (2, 2))
    with pytest.raises(ValueError, match="mode='cubic'"):
        warp(labels, eye, (2, 2), "cubic")


def test_view_to_view_and_back():
    first, second = flip_x(12) @ crop(1, 2), rotation(30, 4, 4)
    there, back = view_to_view(first, second), view_to_view(second, first)
    torch.testing.assert_close(there @ back, torch.eye(3).double()[None])


def test_rescale_moves_a_crop_to_the_feature_stride():
    eighth = rescale(crop(16, 8), (64, 64), (8, 8), (32, 32), (4, 4))
    torch.testing.assert_close(eighth, crop(2, 1))


def test_valid_mask_per_source():
    shapes = torch.tensor([[4, 6], [3, 2]])
    eye = torch.eye(3).expand(2, 3, 3)
    mask = valid_mask(eye, shapes, (5, 7))
    for i, (h, w) in enumerate(shapes.tolist()):
        expected = torch.zeros(5, 7, dtype=torch.bool)
        expected[:h, :w] = True
        assert torch.equal(mask[i, 0], expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_nothing_waits_for_the_gpu():
    maps = torch.rand(2, 3, 9, 12).cuda()
    shapes = torch.tensor([[9, 12], [5, 6]]).cuda()
    first = rotation(23, 5.5, 4.0).expand(2, 3, 3).cuda()
    second = crop(3, 2).expand(2, 3, 3).cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        carry = view_to_view(first, second)
        carry = rescale(carry, (9, 12), (9, 12), (5, 6), (10, 12))
        warped, _ = warp(maps, carry, (10, 12))
        labels, _ = warp(maps.long(), carry, (10, 12), "nearest", 255)
        valid = valid_mask(carry, shapes, (10, 12))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert warped.is_cuda
    assert labels.is_cuda
    assert valid.is_cuda


GEOMETRIC = {
    "Resize": [{"type": "Resize", "scale": (60, 50)}],
    "RandomResize": [
        {
            "type": "RandomResize",
            "scale": (64, 48),
            "ratio_range": (0.7, 1.6),
            "keep_ratio": True,
        }
    ],
    "RandomChoiceResize": [
        {"type": "RandomChoiceResize", "scales": [(40, 40), (80, 60)]}
    ],
    "RandomFlip": [
        {
            "type": "RandomFlip",
            "prob": [0.3, 0.3, 0.3],
            "direction": ["horizontal", "vertical", "diagonal"],
        }
    ],
    "RandomCrop": [{"type": "RandomCrop", "crop_size": (30, 40)}],
    "CenterCrop": [{"type": "CenterCrop", "crop_size": (41, 30)}],
    "CenterCrop of more than there is": [
        {"type": "CenterCrop", "crop_size": (30, 60), "auto_pad": True}
    ],
    "RandomRotate": [{"type": "RandomRotate", "prob": 0.9, "degree": 40.0}],
    "auto-bound rotation": [
        {"type": "RandomRotate", "prob": 1.0, "degree": 40.0, "auto_bound": True}
    ],
    "RandomApply": [
        {
            "type": "RandomApply",
            "prob": 0.5,
            "transforms": [{"type": "RandomCrop", "crop_size": (30, 40)}],
        }
    ],
    "RandomChoice": [
        {
            "type": "RandomChoice",
            "transforms": [
                [{"type": "RandomFlip", "prob": 1.0}],
                [{"type": "Resize", "scale": (70, 60)}],
            ],
        }
    ],
    "all": [
        {
            "type": "RandomResize",
            "scale": (64, 48),
            "ratio_range": (0.7, 1.6),
            "keep_ratio": True,
        },
        {"type": "RandomCrop", "crop_size": (40, 40)},
        {"type": "RandomRotate", "prob": 0.9, "degree": 20.0},
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "PhotoMetricDistortion", "brightness_delta": 0},
    ],
}


def smooth_image():
    """Two channels say where a pixel was; the third is constant."""
    image = np.full((48, 64, 3), 255, dtype=np.uint8)
    image[..., 0] = np.linspace(40, 230, 64).round()
    image[..., 1] = np.linspace(40, 230, 48).round()[:, None]
    return image


@pytest.mark.parametrize("name", [n for n in GEOMETRIC if n != "all"])
def test_the_recorded_homography_is_what_the_transform_did(name):
    """The image warped by the record looks like the view, border pixels aside."""
    view = MultiView(views={"v": [*GEOMETRIC[name], PACK]})
    image = smooth_image()
    for seed in range(6):
        np.random.seed(seed)
        packed = view({"img": image.copy(), "img_shape": (48, 64), "img_path": ""})
        shown = packed["inputs"]["v"].float()
        sample = packed["data_samples"]["v"]
        source = torch.from_numpy(image).permute(2, 0, 1)[None].float()
        size = tuple(shown.shape[1:])
        expected, inside = warp(source, sample.homography[None], size)
        # mmcv blends the image with black at a rotated border.
        framed = F.pad(inside.float(), (2, 2, 2, 2))
        inner = -F.max_pool2d(-framed, kernel_size=5, stride=1)
        difference = ((shown - expected[0]).abs() * inner[0]).max()
        assert difference < 6, (name, seed, difference)
        assert inner.mean() > 0.3
        assert sample.source_shape == (48, 64)


def test_a_map_travels_between_two_views():
    """Both views of one image agree after the trip, whatever their geometry."""
    geometry = GEOMETRIC["all"][:-1]
    view = MultiView(
        shared=geometry[:1], views={"a": [*geometry, PACK], "b": [*geometry[1:], PACK]}
    )
    np.random.seed(4)
    packed = view({"img": smooth_image(), "img_shape": (48, 64), "img_path": ""})
    a, b = (packed["inputs"][k].float()[None] for k in "ab")
    h_a, h_b = (packed["data_samples"][k].homography[None] for k in "ab")
    size = tuple(b.shape[-2:])
    carried, inside = warp(a, view_to_view(h_a, h_b), size)
    real = (carried[:, 2:] > 254) & (b[:, 2:] > 254) & inside
    assert real.float().mean() > 0.1
    assert ((carried - b).abs() * real).max() < 12


@TRANSFORMS.register_module()
class PaintCorner(BaseTransform):
    """Writes into the image that it is given."""

    def transform(self, results):
        results["img"][:4, :4] = 0
        results["seg_fields"].append("painted")
        return results


def test_one_view_cannot_alter_another():
    register_appearance(PaintCorner)
    paint = [{"type": "PaintCorner"}, PACK]
    view = MultiView(views={"painted": paint, "clean": [PACK], "again": paint})
    image = smooth_image()
    packed = view({"img": image, "img_shape": (48, 64), "seg_fields": []})
    clean = torch.from_numpy(smooth_image()).permute(2, 0, 1)
    assert torch.equal(packed["inputs"]["clean"], clean)
    assert not torch.equal(packed["inputs"]["painted"], clean)
    np.testing.assert_array_equal(image, smooth_image())


@TRANSFORMS.register_module()
class Shear(BaseTransform):
    """Moves pixels in a way that nobody recorded."""

    def transform(self, results):
        results["img"] = mmcv.imshear(results["img"], 0.1)
        return results


def test_views_with_mistakes_are_named():
    with pytest.raises(ValueError, match="geometry of Shear; register"):
        MultiView(views={"v": [{"type": "Shear"}, PACK]})
    # Its values would not be checked there.
    with pytest.raises(ValueError, match="geometry of LoadAnnotations"):
        MultiView(shared=[{"type": "LoadAnnotations"}], views={"v": [PACK]})
    with pytest.raises(ValueError, match="view 'v' must end with PackSegInputs"):
        MultiView(views={"v": [{"type": "RandomFlip", "prob": 0.5}]})
    with pytest.raises(ValueError, match="must end with PackSegInputs"):
        MultiView(views={"v": []})
    with pytest.raises(ValueError, match="MultiView: views={}; allowed"):
        MultiView(views={})
