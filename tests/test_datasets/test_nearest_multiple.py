import numpy as np
import pytest
import torch
from helpers import tiny_segmentor
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from tiny_encoders import DINOV2
from torch.nn.functional import interpolate

from mmseg_semisup.datasets import ResizeToNearestMultiple


@pytest.mark.parametrize(
    ("size", "expected"),
    [((500, 375), (504, 378)), ((366, 500), (364, 504)), ((7, 3), (14, 14))]
    + [((518, 42), (518, 42)), ((21, 20), (28, 14))],
)
def test_sides_become_the_nearest_multiple(size, expected):
    # int(n / 14 + 0.5) * 14, as in the authors' evaluation, but never 0.
    image = np.zeros((*size, 3), np.uint8)
    results = ResizeToNearestMultiple(14)({"img": image, "ori_shape": size})
    assert results["img"].shape == (*expected, 3)
    assert results["img_shape"] == results["pad_shape"] == expected
    assert results["ori_shape"] == size


def test_a_fitting_image_stays_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (28, 42, 3), np.uint8)
    assert ResizeToNearestMultiple(14)({"img": image})["img"] is image


def test_values_are_those_of_resizing_after_normalisation():
    image = np.random.default_rng(0).integers(0, 256, (30, 45, 3), np.uint8)
    mean, std = torch.tensor([120.0, 110, 100]), torch.tensor([60.0, 50, 40])

    def normalised(array):
        values = torch.as_tensor(array).float()
        return ((values - mean) / std).permute(2, 0, 1)[None]

    resized = ResizeToNearestMultiple(14)({"img": image})["img"]
    expected = interpolate(
        normalised(image), (28, 42), mode="bilinear", align_corners=True
    )
    torch.testing.assert_close(normalised(resized), expected, atol=1e-5, rtol=1e-5)


def test_a_grey_image_stays_one():
    assert ResizeToNearestMultiple(8)({"img": np.zeros((9, 9))})["img"].shape == (8, 8)


def test_a_prediction_has_the_size_of_the_file():
    pytest.importorskip("transformers")
    cfg = tiny_segmentor(in_channels=16, in_index=3, align_corners=True)
    cfg["backbone"] = dict(type="TransformersBackbone", arch=DINOV2)
    cfg["data_preprocessor"] = dict(type="SegDataPreProcessor", size_divisor=14)
    net = MODELS.build(ConfigDict(cfg)).eval()
    results = ResizeToNearestMultiple(14)(
        {"img": np.random.default_rng(0).random((50, 40, 3)), "ori_shape": (50, 40)}
    )
    image = torch.from_numpy(results["img"]).permute(2, 0, 1).float()
    meta = {k: results[k] for k in ("ori_shape", "img_shape", "pad_shape")}
    logits = net.encode_decode(image[None], [meta])
    assert logits.shape[2:] == (56, 42)
    seen = net.predict(image[None], samples(meta))[0].seg_logits.data
    expected = interpolate(logits, (50, 40), mode="bilinear", align_corners=True)[0]
    torch.testing.assert_close(seen, expected)


def samples(meta):
    return [SegDataSample(metainfo=meta)]


def test_an_image_padded_to_the_patch_is_predicted_without_the_padding():
    pytest.importorskip("transformers")
    cfg = tiny_segmentor(in_channels=16, in_index=3)
    cfg["backbone"] = dict(type="TransformersBackbone", arch=DINOV2)
    cfg["data_preprocessor"] = dict(
        type="SegDataPreProcessor", test_cfg=dict(size_divisor=14), size_divisor=1
    )
    net = MODELS.build(ConfigDict(cfg)).eval()
    shape = (50, 40)
    meta = dict(ori_shape=shape, img_shape=shape, pad_shape=shape)
    data = dict(inputs=[torch.rand(3, *shape)], data_samples=samples(meta))
    assert net.test_step(data)[0].pred_sem_seg.data.shape == (1, *shape)


def test_a_divisor_below_one_is_refused():
    with pytest.raises(ValueError, match="divisor=0; allowed: 1 or more"):
        ResizeToNearestMultiple(0)
