import pytest
from helpers import tiny_segmentor
from mmseg.registry import MODELS

from mmseg_semisup.models.segmentors import plain
from mmseg_semisup.models.segmentors.plain import (
    build_segmentor,
    check_segmentor_types,
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": "DepthEstimator"}, "'DepthEstimator' predicts depth"),
        ({"type": "mmseg.DepthEstimator"}, "'DepthEstimator' predicts depth"),
        ({"type": "MultimodalEncoderDecoder"}, "'MultimodalEncoderDecoder': .*needs"),
        ({"decode_head": {"type": "PointHead"}}, "'PointHead': .*points"),
        ({"decode_head": [{}, {"type": "PointHead"}]}, "'PointHead': .*points"),
        ({"decode_head": {"type": "MaskFormerHead"}}, "'MaskFormerHead': .*queries"),
        ({"decode_head": {"type": "Mask2FormerHead"}}, "'Mask2FormerHead': .*queries"),
    ],
)
def test_what_does_not_classify_pixels_is_refused_unbuilt(changes, message):
    with pytest.raises(ValueError, match=message):
        check_segmentor_types({**tiny_segmentor(), **changes})


@pytest.mark.parametrize(
    ("package", "operator"), [("onedl-mmcv", "PSAMask"), ("mmcv", "point_sample")]
)
def test_a_missing_operator_of_mmcv_is_named(monkeypatch, package, operator):
    def build(cfg):
        raise RuntimeError(
            f"Please install {package} for {operator} ops. E.g. with mim"
        )

    monkeypatch.setattr(plain.MODELS, "build", build)
    with pytest.raises(ValueError, match=f"needs {operator}, a compiled operator"):
        build_segmentor(tiny_segmentor())


def test_other_errors_of_a_segmentor_stay(monkeypatch):
    def build(cfg):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(plain.MODELS, "build", build)
    with pytest.raises(RuntimeError, match="out of memory"):
        build_segmentor(tiny_segmentor())


def test_a_plain_segmentor_is_built_and_checked():
    built = build_segmentor(tiny_segmentor())
    assert isinstance(built, MODELS.get("EncoderDecoder"))
    with pytest.raises(ValueError, match="num_classes=1"):
        build_segmentor(tiny_segmentor(num_classes=1, out_channels=1))
