"""Images and maps reach a device in one copy, for which the host does not wait."""

from __future__ import annotations

import pytest
import torch

from mmseg_semisup.core.sending import padding, sent, sent_each, sent_padded

WHOLE, DIFFERENT = [(12, 16)] * 3, [(12, 16), (10, 16), (12, 13)]
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
        ],
    ),
]


def images_of(*sizes, dtype=torch.uint8):
    torch.manual_seed(0)
    return [torch.randint(0, 256, (3, *size)).to(dtype) for size in sizes]


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize("number", [2, 16])
def test_tensors_of_one_size_are_one_copy(copies, monkeypatch, stacked, pinned, number):
    images = images_of(*WHOLE[:1] * number)
    given = torch.stack(images) if stacked else images
    pins = []

    def pin(tensor):
        pins.append(tensor.shape)
        return tensor

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    is_pinned = pinned or not stacked  # stacked into pinned memory by ourselves
    monkeypatch.setattr(torch.Tensor, "is_pinned", lambda _: is_pinned)
    found = sent(given, "cuda")
    assert torch.equal(found, torch.stack(images))
    assert copies == [(torch.uint8, (number, 3, 12, 16), True)]
    assert len(pins) == (0 if is_pinned else 1)


@pytest.mark.parametrize("sizes", [DIFFERENT, WHOLE])
def test_tensors_of_several_sizes_are_one_copy_too(copies, sizes):
    images = images_of(*sizes)
    found = sent_each(images, "cuda")
    assert all(map(torch.equal, found, images))
    numbers = sum(image.numel() for image in images)
    (copy_of_all,) = copies
    assert copy_of_all[0] == torch.uint8
    assert copy_of_all[2]
    assert torch.Size(copy_of_all[1]).numel() == numbers


def test_padded_images_are_one_copy(copies):
    images = images_of(*DIFFERENT)
    found = sent_padded(images, (12, 16), "cuda", value=7)
    assert copies == [(torch.uint8, (3, 3, 12, 16), True)]
    assert torch.equal(found[0], images[0])
    assert torch.equal(found[1, :, :10], images[1])
    assert torch.equal(found[2, :, :, :13], images[2])
    assert found[1, :, 10:].eq(7).all()
    assert found[2, :, :, 13:].eq(7).all()


def test_a_stack_of_its_size_is_not_padded(copies):
    images = torch.stack(images_of(*WHOLE))
    assert torch.equal(sent_padded(images, (12, 16), "cuda"), images)
    assert copies == [(torch.uint8, (3, 3, 12, 16), True)]


@pytest.mark.parametrize("device", DEVICES)
def test_padding_is_what_no_image_has(device):
    found = padding(DIFFERENT, (14, 16), device)
    assert found.shape == (3, 1, 14, 16)
    assert found.device.type == device
    for (height, width), outside in zip(DIFFERENT, found[:, 0].cpu(), strict=True):
        assert not outside[:height, :width].any()
        assert outside.sum() == 14 * 16 - height * width


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("sizes", [WHOLE, DIFFERENT])
def test_values_arrive(device, sizes):
    """On a GPU, pinned memory is used again by the next call, before the copies end."""
    first, second = images_of(*sizes), images_of(*sizes)
    second = [image.flip(-1) for image in second]
    for _ in range(20):
        results = [
            (sent_padded(images, (16, 16), device), sent_each(images, device), images)
            for images in (first, second) * 4
        ]
        for padded, each, images in results:
            for place, one, image in zip(padded.cpu(), each, images, strict=True):
                height, width = image.shape[-2:]
                assert torch.equal(place[:, :height, :width], image)
                assert torch.equal(one.cpu(), image)


def test_mixed_types_keep_theirs_unless_one_is_wanted():
    tensors = [torch.ones(2, dtype=torch.uint8), torch.ones(3, dtype=torch.int64)]
    assert [t.dtype for t in sent_each(tensors, "cpu")] == [torch.uint8, torch.int64]
    wide = sent_each(tensors, "cpu", torch.int64)
    assert {tensor.dtype for tensor in wide} == {torch.int64}
