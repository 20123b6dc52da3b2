"""Steps of mmcv and mmseg in less time have the same results."""

import random

import numpy as np
import pytest
import torch
from mmcv.transforms import RandomFlip, RandomGrayscale
from mmseg.datasets.transforms import PackSegInputs

from mmseg_semisup.datasets import ColorJitter, RandomGaussianBlur
from mmseg_semisup.datasets.fast_steps import FastGrayscale, fast, pack, writes
from mmseg_semisup.datasets.load_pseudo_mask import PackPseudoMask


def image(dtype=np.uint8, channels=3):
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (64, 70, channels)).astype(dtype)


@pytest.mark.parametrize("weights", [(1, 1, 1), (0.114, 0.587, 0.299), (1, 2, 5)])
@pytest.mark.parametrize("prob", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("color_format", ["bgr", "rgb", "hsv"])
def test_grey_images_are_those_of_mmcv(weights, prob, keep, color_format):
    theirs = RandomGrayscale(prob, keep, weights, color_format)
    ours = fast(theirs)
    assert type(ours) is FastGrayscale
    for seed in range(6):
        found = []
        for transform in (theirs, ours):
            random.seed(seed)
            found.append(transform({"img": image()})["img"])
            found.append(random.random())
        assert np.array_equal(found[0], found[2])
        assert found[0].dtype == found[2].dtype
        assert found[1] == found[3]


def test_images_of_floating_point_stay_so():
    step = fast(RandomGrayscale(1.0, True, (1.0, 2.0, 3.0)))
    given = image(np.float32)
    found = step({"img": given})["img"]
    expected = (given.astype(float) * [1, 2, 3]).sum(axis=2) / 6
    assert found.dtype == np.float32
    assert np.abs(found - expected[..., None]).max() < 1e-3
    assert fast(RandomGrayscale(0.0, True))({"img": given})["img"] is given


def test_other_channels_stay():
    given = image(channels=1)[..., 0]
    assert fast(RandomGrayscale(1.0, True))({"img": given})["img"] is given


def test_the_image_itself_is_not_written():
    given = image()
    before = given.copy()
    fast(RandomGrayscale(1.0, True))({"img": given})
    assert np.array_equal(given, before)


def test_other_transforms_stay():
    derived = type("Own", (RandomGrayscale,), {})(0.5)
    for step in (RandomFlip(prob=0.5), derived):
        assert fast(step) is step


class OwnPacker(PackSegInputs):
    """A user's."""


@pytest.mark.parametrize("packer", [PackSegInputs(), PackPseudoMask(), OwnPacker()])
@pytest.mark.parametrize(
    "given",
    [image(), image()[:, ::-1], image(np.float32), image(channels=1)[..., 0]],
    ids=["plain", "flipped", "float", "grey"],
)
def test_samples_are_packed_as_by_mmseg(packer, given):
    results = {
        "img": given,
        "gt_seg_map": given.reshape(64, 70, -1)[..., 0].astype(np.uint8),
        "gt_pseudo_map": np.zeros((64, 70), np.uint8),
        "img_path": "x",
        "ori_shape": (64, 70),
    }
    expected, found = packer(dict(results)), pack(packer, dict(results))
    assert torch.equal(found["inputs"], expected["inputs"])
    assert found["inputs"].dtype == expected["inputs"].dtype
    sample, other = found["data_samples"], expected["data_samples"]
    assert sorted(sample.all_keys()) == sorted(other.all_keys())
    assert torch.equal(sample.gt_sem_seg.data, other.gt_sem_seg.data)
    assert sample.img_path == "x"


def test_who_may_write_into_an_image():
    jitter, blur = ColorJitter(prob=1), RandomGaussianBlur(prob=1)
    readers = [jitter, fast(RandomGrayscale(1.0, True)), blur]
    given = image()
    assert not writes([], PackSegInputs(), given)
    assert not writes([], PackSegInputs(), None)
    assert not writes(readers, PackPseudoMask(), given)
    assert writes([*readers, RandomFlip(prob=1.0)], PackSegInputs(), given)
    assert writes(readers, OwnPacker(), given)
    # These would be packed without a copy.
    assert writes([], PackSegInputs(), image(channels=1))
    before = given.copy()
    results = {"img": given}
    for step in readers:
        results = step(results)
    assert np.array_equal(given, before)
    packed = pack(PackSegInputs(), {"img": given})["inputs"]
    packed += 1
    assert np.array_equal(given, before)


def test_a_view_without_pixels_has_a_sample_only():
    found = pack(PackSegInputs(), {"img_path": "x"})
    assert list(found) == ["data_samples"]
