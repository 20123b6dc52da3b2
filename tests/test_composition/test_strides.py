import pytest
from plain_configs import plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.composition.record import Record
from mmseg_semisup.composition.strides import aligned_crop, feature_stride
from mmseg_semisup.core.errors import ConfigError

TWO_CROPS = {"type": "DrawTwoCrops", "align": 8}
VIT = {"backbone": {"type": "VisionTransformer", "patch_size": 14}}


def resnet(in_index=3, **changes):
    head = {"type": "FCNHead", "in_index": in_index}
    return {"backbone": {"type": "ResNetV1c", **changes}, "decode_head": head}


DEEPLAB = {
    "backbone": {"type": "ResNetV1c", "strides": (1, 2, 2, 1)},
    "decode_head": {
        "type": "DepthwiseSeparableASPPHead",
        "in_index": 3,
        "c1_in_channels": 256,
    },
}
"""Its decoder brings the features to the stride of the first stage, 4."""


@pytest.mark.parametrize(
    ("model", "stride"),
    [
        (VIT, 14),
        ({"backbone": {"type": "mmseg.VisionTransformer"}}, 16),
        ({"backbone": {"type": "TransformersBackbone", "arch": "dinov2-base"}}, 14),
        ({"backbone": {"type": "TransformersBackbone", "arch": "folder"}}, 1),
        (resnet(), 32),
        (resnet(strides=(1, 2, 1, 1)), 8),
        (resnet(strides=(1, 2, 2, 1)), 16),
        (resnet(in_index=-1, strides=(1, 2, 2, 1)), 16),
        (resnet(in_index=1), 8),
        (resnet(in_index=[0, 3]), 1),
        ({**resnet(), "neck": {"type": "JPU"}}, 1),
        (DEEPLAB, 1),
        ({**resnet(), "decode_head": [{"in_index": 0}, {"in_index": 1}]}, 8),
        ({"backbone": {"type": "MixVisionTransformer"}, "decode_head": {}}, 1),
        ({"backbone": {"type": "UNet", "strides": (1, 1)}, "decode_head": {}}, 1),
    ],
)
def test_the_stride_is_that_of_the_features(model, stride):
    assert feature_stride(model) == stride


def test_crops_are_apart_by_whole_features():
    record = Record()
    assert aligned_crop(TWO_CROPS, VIT, record) == {**TWO_CROPS, "align": 56}
    assert record.notes == [
        "crops are apart by multiples of 56 pixels instead of 8, because features have "
        "this stride"
    ]


def test_crops_smaller_than_the_stride_of_two_are_refused():
    with pytest.raises(
        ConfigError, match=r"align=56, but .* only 28x42 pixels; crop at"
    ):
        compose(plain_config(), "context_aware", "photos", encoder="dinov2-small")


def test_a_multiple_of_the_stride_stays():
    record = Record()
    for crop in (TWO_CROPS, {"type": "Own"}):
        assert aligned_crop(crop, resnet(strides=(1, 2, 1, 1)), record) == crop
    assert record.notes == []
