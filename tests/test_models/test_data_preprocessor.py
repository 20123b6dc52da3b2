"""Images and masks are prepared as by mmseg, in one copy."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import PREPROCESSOR, tiny_segmentor
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_semisup.datasets.batched_appearance import META
from mmseg_semisup.datasets.collate import branch_collate, narrowed
from mmseg_semisup.models.data_preprocessor import SemiDataPreprocessor

OWN = {"type": "SegDataPreProcessor", "mean": [1.0] * 3, "std": [2.0] * 3}


def samples_of(images, masks=True):
    """Samples with a mask, an image label and a homography; one lacks a field."""
    found = []
    for i, image in enumerate(images):
        sample = SegDataSample(
            metainfo={"homography": torch.eye(3), "img_shape": (1, 1)}
        )
        size = (1, *image.shape[-2:])
        if masks:
            sample.gt_sem_seg = PixelData(data=torch.randint(0, 5, size))
        sample.gt_image_labels = torch.tensor([0.0, 1.0])
        if i != 1:
            sample.pseudo_sem_seg = PixelData(data=torch.randint(0, 5, size))
        found.append(sample)
    return found


def images_of(*sizes, dtype=torch.uint8, channels=3):
    torch.manual_seed(0)
    numbers = (torch.randint(0, 256, (channels, *size)) for size in sizes)
    return [number.to(dtype) for number in numbers]


WHOLE, PADDED = [(12, 16)] * 3, [(12, 16), (10, 16), (12, 16)]


@pytest.mark.parametrize("collated", [False, True])
@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize(
    ("sizes", "changes"),
    [
        (WHOLE, {}),
        (WHOLE, {"size": (12, 16)}),
        (WHOLE, {"size": (16, 16), "pad_val": 7}),
        (WHOLE, {"size_divisor": 4}),
        (WHOLE, {"size_divisor": 8}),
        (PADDED, {}),
        (PADDED, {"size": (12, 16)}),
        (WHOLE[:1], {"mean": None, "std": None}),
        (WHOLE, {"bgr_to_rgb": False}),
        (PADDED, {"seg_pad_val": 300}),
    ],
)
def test_a_branch_is_prepared_as_by_mmseg(sizes, changes, masks, collated):
    mean, std = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
    cfg = {"mean": mean, "std": std, "bgr_to_rgb": True, **changes}
    images = images_of(*sizes)
    samples = samples_of(images, masks)
    data = {"inputs": {"a": images}, "data_samples": {"a": samples}}
    if collated:
        data = branch_collate(
            [
                {"inputs": {"a": image}, "data_samples": {"a": sample}}
                for image, sample in zip(images, samples, strict=True)
            ]
        )
        bytes_ = [sample.get("gt_sem_seg") for sample in data["data_samples"]["a"]]
        assert {m.data.dtype for m in bytes_ if masks} <= {torch.uint8}
    before = copy.deepcopy(data)
    found = SemiDataPreprocessor(**cfg)(data, training=True)
    theirs = SegDataPreProcessor(**{**cfg, "size_divisor": cfg.get("size_divisor")})
    if "size" not in cfg and theirs.size_divisor is None:
        theirs.size_divisor = 1
    expected = theirs({"inputs": images, "data_samples": copy.deepcopy(samples)}, True)
    assert torch.equal(found["inputs"]["a"], expected["inputs"])
    pairs = zip(found["data_samples"]["a"], expected["data_samples"], strict=True)
    for sample, other in pairs:
        assert sorted(sample.all_keys()) == sorted(other.all_keys())
        for key in ("img_shape", "pad_shape", "padding_size"):
            assert sample.get(key) == other.get(key), key
        for key in ("gt_sem_seg", "pseudo_sem_seg"):
            assert (key in sample) == (key in other)
            if key in sample:
                assert torch.equal(sample.get(key).data, other.get(key).data)
                assert sample.get(key).data.dtype == torch.int64
        assert torch.equal(sample.gt_image_labels, other.gt_image_labels)
    # A benchmark and a dry run prepare a batch again.
    assert all(map(torch.equal, data["inputs"]["a"], before["inputs"]["a"]))
    for sample, other in zip(samples, before["data_samples"]["a"], strict=True):
        assert sorted(sample.all_keys()) == sorted(other.all_keys())
        assert sample.img_shape == (1, 1)


class Calls(TorchDispatchMode):
    """Counts the operators that run."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        """Run one, and count it."""
        self.count += function not in VIEWS
        return function(*args, **(kwargs or {}))


VIEWS = (
    torch.ops.aten.detach.default,
    torch.ops.aten.select.int,
    torch.ops.aten.slice.Tensor,
    torch.ops.aten.unbind.int,
)


@pytest.mark.parametrize("number", [2, 16])
def test_the_number_of_operations_does_not_depend_on_that_of_images(number):
    images = images_of(*WHOLE[:1] * number)
    samples = samples_of(images)
    for sample in samples:
        sample.pop("pseudo_sem_seg", None)
        sample.pop("gt_image_labels")
    preprocessor = MODELS.build({**PREPROCESSOR, "bgr_to_rgb": True})
    data = {"inputs": {"a": images}, "data_samples": {"a": samples}}
    with Calls() as calls:
        preprocessor(data, training=True)
    # Images: stack, flip, minus, divided by. Masks: stack.
    assert calls.count == 5


def test_padding_takes_one_copy_more_for_each_image():
    counts = []
    for number in (2, 16):
        images = images_of(*[(12, 16), (10, 16)] * (number // 2))
        data = {"inputs": {"a": images}}
        data["data_samples"] = {"a": [SegDataSample() for _ in images]}
        preprocessor = MODELS.build({**PREPROCESSOR, "bgr_to_rgb": True})
        with Calls() as calls:
            preprocessor(data, training=True)
        counts.append(calls.count)
    assert counts[1] - counts[0] == 14
    # One operation for all images, but for the two copies.
    assert counts[0] == 15


@pytest.mark.parametrize("number", [2, 16])
def test_a_batch_of_the_collate_function_is_not_stacked_again(number):
    data = {"inputs": {"a": torch.stack(images_of(*WHOLE[:1] * number))}}
    data["data_samples"] = {"a": [SegDataSample() for _ in range(number)]}
    before = data["inputs"]["a"].clone()
    preprocessor = MODELS.build({**PREPROCESSOR, "bgr_to_rgb": True})
    with Calls() as calls:
        preprocessor(data, training=True)
    # Flip, minus, divided by.
    assert calls.count == 3
    assert torch.equal(data["inputs"]["a"], before)


@pytest.mark.parametrize("sizes", [PADDED, WHOLE])
def test_labels_are_one_copy_of_bytes(copies, monkeypatch, sizes):
    monkeypatch.setattr(SemiDataPreprocessor, "device", torch.device("cuda"))
    samples = samples_of(images_of(*sizes))
    expected = [sample.gt_sem_seg.data for sample in samples]
    for sample in samples:
        for key in ("gt_image_labels", "pseudo_sem_seg"):
            sample.pop(key, None)
    found = SemiDataPreprocessor()._moved_samples(narrowed(samples))
    for sample, labels in zip(found, expected, strict=True):
        assert sample.gt_sem_seg.data.dtype == torch.int64
        assert torch.equal(sample.gt_sem_seg.data, labels)
    assert [(kind, waits) for kind, _, waits in copies] == [(torch.uint8, True)]


@pytest.mark.parametrize("sizes", [PADDED, WHOLE])
def test_pixels_that_views_share_are_sent_once(monkeypatch, sizes):
    sent = []

    def move(self, images):
        sent.append(images)
        return [image // 2 for image in images]

    monkeypatch.setattr(SemiDataPreprocessor, "_moved", move)
    images = images_of(*sizes)
    shared = {META: {"of": "weak", "changes": []}}
    samples = {
        "labeled": [SegDataSample() for _ in images],
        "weak": [SegDataSample() for _ in images],
        "strong": [SegDataSample(metainfo=shared) for _ in images],
    }
    data = {"inputs": {"labeled": images, "weak": images}, "data_samples": samples}
    found = SemiDataPreprocessor()(data, True)["inputs"]
    assert sent == [images]
    assert torch.equal(found["weak"], found["labeled"] // 2)
    assert torch.equal(found["strong"], found["weak"])


def test_labels_of_two_types_are_one_type_afterwards():
    samples = samples_of(images_of(*WHOLE))
    samples[0].gt_sem_seg.data[0, 0, 0] = 300
    found = SemiDataPreprocessor()._moved_samples(narrowed(samples))
    assert {sample.gt_sem_seg.data.dtype for sample in found} == {torch.int64}
    assert found[0].gt_sem_seg.data.max() == 300


class BranchPreProcessor(SegDataPreProcessor):
    """A user's, for branches; it knows nothing of ours."""

    def forward(self, data, training=False):
        """Prepare each branch as mmseg does."""
        found = {"inputs": {}, "data_samples": {}}
        for name, images in data["inputs"].items():
            part = {"inputs": list(images), "data_samples": data["data_samples"][name]}
            for key, value in super().forward(part, training).items():
                found[key][name] = value
        return found


def test_a_users_preprocessor_trains_on_the_same_labels():
    images = images_of((32, 32), (32, 32))
    samples = []
    for image, sample in zip(images, samples_of(images), strict=True):
        sample.gt_sem_seg.data %= 3
        branches = {"inputs": image, "data_samples": sample}
        samples.append({key: {"labeled": part} for key, part in branches.items()})
    losses = []
    for kind in (SemiDataPreprocessor, BranchPreProcessor):
        segmentor = {**tiny_segmentor(), "data_preprocessor": {**OWN, "type": kind}}
        segmentor["data_preprocessor"]["size_divisor"] = 1
        torch.manual_seed(0)
        model = MODELS.build({"type": "SemiSegmentor", "segmentor": segmentor}).train()
        assert type(model.data_preprocessor) is kind
        batch = model.data_preprocessor(branch_collate(samples), True)
        losses.append(model(**batch, mode="loss"))
    assert losses[0].keys() == losses[1].keys()
    for name, value in losses[0].items():
        assert torch.equal(value, losses[1][name]), name


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("sizes", [WHOLE, PADDED[:1]])
def test_images_to_predict_are_prepared_as_by_mmseg(sizes, normalised):
    cfg = {**OWN, "bgr_to_rgb": True} if normalised else {}
    cfg.pop("type", None)
    images = images_of(*sizes)
    data = {"inputs": images, "data_samples": samples_of(images)}
    theirs = SegDataPreProcessor(**cfg)(copy.deepcopy(data), False)
    found = SemiDataPreprocessor(**cfg)(data, False)
    assert torch.equal(found["inputs"], theirs["inputs"])
    pairs = zip(found["data_samples"], theirs["data_samples"], strict=True)
    for sample, other in pairs:
        assert sorted(sample.all_keys()) == sorted(other.all_keys())
        assert sample.img_shape == other.img_shape == (1, 1)
        assert torch.equal(sample.gt_sem_seg.data, other.gt_sem_seg.data)
