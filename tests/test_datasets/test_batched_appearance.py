"""Changes of a batch on the device equal those of single images by OpenCV."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import RandomGrayscale, RandomResize
from mmseg.structures import SegDataSample
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_semisup.datasets import batched_appearance
from mmseg_semisup.datasets.batched_appearance import (
    META,
    changed,
    draw,
    operation_of,
    pixels_of,
)
from mmseg_semisup.datasets.color_jitter import (
    ColorJitter,
    RandomGaussianBlur,
    blur_weights,
    needed_size,
)

JITTER = ColorJitter(0.5, 0.5, 0.5, 0.25, prob=0.8)
GREY = RandomGrayscale(0.2, keep_channels=True)
BLUR = RandomGaussianBlur(13, (0.1, 2.0), prob=0.5)
SIZE = (40, 56)


def certain(transform):
    """The same transform, which changes every image."""
    if isinstance(transform, ColorJitter):
        return ColorJitter(0.5, 0.5, 0.5, 0.25, prob=1)
    if isinstance(transform, RandomGrayscale):
        return RandomGrayscale(1, keep_channels=True)
    return RandomGaussianBlur(13, (0.1, 2.0), prob=1)


def picture(kind, seed=0):
    """An image, (H, W, 3), uint8."""
    generator = np.random.default_rng(seed)
    noise = generator.integers(0, 256, (*SIZE, 3), np.uint8)
    if kind == "noise":
        return noise
    if kind == "edges":
        return np.where(noise > 127, 255, 0).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


def seed_all(seed):
    random.seed(seed)
    np.random.seed(seed)


def by_opencv(transforms, image, seed):
    seed_all(seed)
    results = {"img": image.copy()}
    for transform in transforms:
        results = transform(results)
    return torch.from_numpy(np.ascontiguousarray(results["img"])).permute(2, 0, 1)


def sample(transforms, seed, of=None):
    seed_all(seed)
    changes = draw(transforms)
    return SegDataSample(metainfo={META: {"of": of, "changes": changes}})


def batch(images):
    return torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image in images])


@pytest.mark.parametrize("kind", ["noise", "edges", "smooth"])
@pytest.mark.parametrize(
    ("transform", "share"),
    [(JITTER, 0.06), (GREY, 0.2), (BLUR, 0.0)],
    ids=["jitter", "grey", "blur"],
)
def test_each_operation_is_within_one_grey_level_of_opencv(transform, kind, share):
    images = [picture(kind, seed) for seed in range(12)]
    steps = [certain(transform)]
    samples = [sample(steps, seed) for seed in range(12)]
    found = changed(batch(images), samples)
    expected = torch.stack(
        [by_opencv(steps, image, seed) for seed, image in enumerate(images)]
    )
    assert found.dtype == torch.float32
    assert torch.equal(found, found.round())
    assert found.min() >= 0
    assert found.max() <= 255
    difference = (found - expected.float()).abs()
    assert difference.max() <= 1
    assert (difference > 0).float().mean() <= share


@pytest.mark.parametrize("kind", ["noise", "smooth"])
def test_a_strong_view_is_that_of_the_workers(kind):
    steps, number = [JITTER, GREY, BLUR], 24
    images = [picture(kind, seed) for seed in range(number)]
    samples = [sample(steps, seed) for seed in range(number)]
    found = changed(batch(images), samples)
    expected = torch.stack(
        [by_opencv(steps, image, seed) for seed, image in enumerate(images)]
    )
    difference = (found - expected.float()).abs()
    assert difference.max() <= 2
    assert (difference > 0).float().mean() < 0.05
    # Some images stay, some are grey, some are blurred.
    drawn = [[n is not None for _, n in s.metainfo[META]["changes"]] for s in samples]
    assert all(0 < sum(column) < number for column in zip(*drawn, strict=True))
    for image, own, result in zip(images, drawn, found, strict=True):
        if not any(own):
            assert torch.equal(result, batch([image])[0].float())


@pytest.mark.parametrize("size", [3, 5, 13, 31])
def test_the_weights_are_those_of_opencv(size):
    impulse = np.zeros((1, 2 * size + 1), np.uint8)
    impulse[0, size] = 255
    for sigma in np.linspace(0.1, 6, 60):
        weights = blur_weights(size, sigma)
        assert weights.sum() == 256
        row = cv2.GaussianBlur(impulse, (size, 1), sigma)[0]
        half = size // 2
        shown = row[size - half : size + half + 1].astype(int)
        assert np.array_equal(shown, (255 * weights + 128) // 256)


@pytest.mark.parametrize("kind", ["noise", "edges"])
def test_a_kernel_without_its_zeros_blurs_alike(kind):
    image, sizes = picture(kind), set()
    for sigma in np.linspace(0.1, 2, 60):
        size = needed_size(13, sigma)
        sizes.add(size)
        expected = cv2.GaussianBlur(image, (13, 13), sigma)
        results = RandomGaussianBlur(13, (sigma, sigma), prob=1)({"img": image})
        assert np.array_equal(results["img"], expected)
        assert np.array_equal(cv2.GaussianBlur(image, (size, size), sigma), expected)
    assert {1, 3, 5, 7, 9} <= sizes


def test_drawing_takes_the_random_numbers_that_the_transforms_take():
    steps = [JITTER, GREY, BLUR]
    for seed in range(20):
        by_opencv(steps, picture("noise"), seed)
        expected = random.random(), np.random.random()
        sample(steps, seed)
        assert (random.random(), np.random.random()) == expected


def test_the_drawn_numbers_have_the_stated_distribution():
    seed_all(0)
    number = 4000
    drawn = [draw([JITTER, GREY, BLUR]) for _ in range(number)]
    for column, share in enumerate((0.8, 0.2, 0.5)):
        found = np.mean([one[column][1] is not None for one in drawn])
        assert found == pytest.approx(
            share, abs=4 * (share * (1 - share) / number) ** 0.5
        )
    matrices = np.stack([one[0][1] for one in drawn if one[0][1] is not None])
    # White becomes b c w + b (1 - c) m: factors b and c are uniform in 0.5..1.5.
    gain = matrices[:, :, :3].sum(axis=2)
    offset = matrices[:, :, 3:].sum(axis=2)
    assert np.allclose(gain, gain[:, :1], atol=1e-4)
    brightness = (gain + offset)[:, 0]
    contrast = gain[:, 0] / brightness
    for factor in (brightness, contrast):
        assert 0.5 <= factor.min() < 0.51
        assert 1.49 < factor.max() <= 1.5 + 1e-5
        assert factor.mean() == pytest.approx(1, abs=0.02)
        assert factor.std() == pytest.approx(12**-0.5, abs=0.01)
    assert abs(np.corrcoef(brightness, contrast)[0, 1]) < 0.06


@pytest.mark.parametrize("steps", [[JITTER], [JITTER, GREY, BLUR]], ids=len)
def test_an_image_does_not_depend_on_the_others(steps):
    images = [picture("noise", seed) for seed in range(6)]
    samples = [sample(steps, seed) for seed in range(6)]
    together = changed(batch(images), samples)
    for image, one, found in zip(images, samples, together, strict=True):
        assert torch.equal(changed(batch([image]), [one])[0], found)


def test_images_of_different_sizes_are_changed_by_size(monkeypatch):
    images = [picture("noise", seed) for seed in range(5)]
    images[1], images[3] = images[1][:30], images[3][:30]
    samples = [sample([JITTER, BLUR], seed) for seed in range(5)]
    tensors = [batch([image])[0] for image in images]
    together, change = [], batched_appearance._changed
    monkeypatch.setattr(
        batched_appearance,
        "_changed",
        lambda images, changes: together.append(len(images)) or change(images, changes),
    )
    found = changed(tensors, samples)
    assert together == [3, 2]
    assert [image.shape[1] for image in found] == [40, 30, 40, 30, 40]
    for image, one, result in zip(images, samples, found, strict=True):
        assert torch.equal(changed(batch([image]), [one])[0], result)


def test_views_of_several_pipelines_are_changed_each_in_its_way():
    images = [picture("noise", seed) for seed in range(2)]
    samples = [sample([JITTER], 0), sample([BLUR, GREY], 1)]
    found = changed(batch(images), samples)
    for image, one, result in zip(images, samples, found, strict=True):
        assert torch.equal(changed(batch([image]), [one])[0], result)


def test_without_a_word_of_the_samples_the_images_stay():
    images = batch([picture("noise")])
    assert changed(images, [SegDataSample()]) is images
    assert pixels_of("strong", [SegDataSample()]) == "strong"
    assert pixels_of("strong", [sample([JITTER], 0, of="weak")]) == "weak"
    assert pixels_of("strong", []) == "strong"


def test_the_images_themselves_are_not_changed():
    images = batch([picture("noise", seed) for seed in range(3)])
    for given in (images, images.float()):
        before = given.clone()
        changed(given, [sample([certain(JITTER)], seed) for seed in range(3)])
        assert torch.equal(given, before)


def test_half_precision_of_the_step_does_not_reach_it():
    images = batch([picture("noise", seed) for seed in range(8)])
    samples = [sample([JITTER, GREY, BLUR], seed) for seed in range(8)]
    expected = changed(images, samples)
    with torch.autocast("cpu", torch.bfloat16):
        found = changed(images, samples)
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


class Calls(TorchDispatchMode):
    """Counts the operators that run, and those for which a host would wait."""

    def __init__(self):
        super().__init__()
        self.count = self.waits = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        """Run one, and count it."""
        name = function.name()
        self.count += not function.is_view
        self.waits += any(word in name for word in ("nonzero", "_local_scalar"))
        return function(*args, **(kwargs or {}))


def test_the_number_of_operations_does_not_depend_on_that_of_images():
    counts = []
    for number in (8, 32):
        images = batch([picture("noise", seed) for seed in range(number)])
        samples = [sample([JITTER, GREY, BLUR], seed) for seed in range(number)]
        with Calls() as calls:
            changed(images, samples)
        counts.append(calls.count)
        assert calls.waits == 0
    assert counts[0] == counts[1] <= 36


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")
def test_a_gpu_computes_what_a_cpu_computes_and_nothing_waits():
    images = batch([picture("noise", seed) for seed in range(8)])
    samples = [sample([JITTER, GREY, BLUR], seed) for seed in range(8)]
    expected = changed(images, samples)
    on_gpu = images.cuda()
    changed(on_gpu, samples)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = changed(on_gpu, samples)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=1e-2)


@pytest.mark.parametrize(
    "transform",
    [
        RandomResize((4, 4), (0.5, 2.0)),
        RandomGrayscale(0.2),
        RandomGrayscale(0.2, keep_channels=True, color_format="hsv"),
        type("Other", (ColorJitter,), {})(),
    ],
    ids=["resize", "one channel", "hsv", "derived"],
)
def test_what_changes_single_images_only(transform):
    assert operation_of(transform) is None


def test_what_can_change_a_batch():
    assert all(operation_of(step) is not None for step in (JITTER, GREY, BLUR))
