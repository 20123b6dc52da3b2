"""Who owns the preprocessor's config, and what contradicts it."""

from __future__ import annotations

import pytest
from helpers import PREPROCESSOR, tiny_segmentor
from mmengine.config import Config
from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS

from mmseg_semisup.models.data_preprocessor import (
    SemiDataPreprocessor,
    plain_preprocessor,
    prepared_model,
    training_preprocessor,
)

OWN = {"type": "SegDataPreProcessor", "mean": [1.0] * 3, "std": [2.0] * 3}


class OwnPreProcessor(SegDataPreProcessor):
    """A user's."""


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "SegDataPreProcessor",
        "mmseg.SegDataPreProcessor",
        SegDataPreProcessor,
        "SemiDataPreprocessor",
        "mmseg_semisup.models.data_preprocessor.SemiDataPreprocessor",
    ],
    ids=str,
)
def test_mmsegs_own_takes_branches_however_it_is_named(kind):
    cfg = {key: value for key, value in OWN.items() if key != "type"}
    if kind is not None:
        cfg["type"] = kind
    for own, given in ((cfg, None), (None, cfg), (OWN, cfg)):
        assert training_preprocessor(own, given)["type"] == "SemiDataPreprocessor"
    plain = MODELS.build(plain_preprocessor(cfg))
    assert type(plain) is SegDataPreProcessor
    assert plain.size_divisor == 1


def test_another_class_stays():
    cfg = {**OWN, "type": OwnPreProcessor}
    assert training_preprocessor(cfg)["type"] is OwnPreProcessor
    assert plain_preprocessor(cfg)["type"] is OwnPreProcessor
    assert training_preprocessor(cfg, {"size": (8, 8)})["type"] is OwnPreProcessor
    with pytest.raises(ValueError, match="type="):
        training_preprocessor(cfg, OWN)


def test_what_is_not_stated_again_stays():
    own = {**OWN, "bgr_to_rgb": True}
    merged = training_preprocessor(own, {"size": (32, 32)})
    assert merged == {**own, "type": "SemiDataPreprocessor", "size": (32, 32)}


def test_what_surrounds_a_segmentor_may_add_padding():
    merged = training_preprocessor(
        {**OWN, "size_divisor": 4}, {**OWN, "mean": (1, 1, 1), "size": (32, 32)}
    )
    assert merged["size"] == (32, 32)
    assert "size_divisor" not in merged
    assert merged["mean"] == (1, 1, 1)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"mean": [0.0] * 3, "std": [2.0] * 3}, r"mean=\[0.0, 0.0, 0.0\] instead of"),
        ({"mean": None, "std": None}, "mean=None instead of .*std=None instead of"),
        ({**OWN, "bgr_to_rgb": True}, "bgr_to_rgb=True instead of False"),
        ({**OWN, "seg_pad_val": 0}, "seg_pad_val=0 instead of 255"),
        ({**OWN, "test_cfg": {"size_divisor": 8}}, "test_cfg="),
    ],
)
def test_contradictions_are_named(given, named):
    own = {**OWN, "test_cfg": {"size_divisor": 4}}
    with pytest.raises(ValueError, match=f"segmentor's own data_preprocessor: {named}"):
        training_preprocessor(own, given)
    with pytest.raises(ValueError, match=named):
        MODELS.build(
            {
                "type": "SemiSegmentor",
                "segmentor": {**tiny_segmentor(), "data_preprocessor": own},
                "data_preprocessor": given,
            }
        )


@pytest.mark.parametrize("kind", ["mmseg.SegDataPreProcessor", SegDataPreProcessor])
def test_models_build_with_any_notation(kind):
    own = {**OWN, "type": kind, "_scope_": "mmseg"}
    segmentor = {**tiny_segmentor(), "data_preprocessor": own}
    model = MODELS.build({"type": "SemiSegmentor", "segmentor": segmentor})
    assert isinstance(model.data_preprocessor, SemiDataPreprocessor)


def semi(**changes):
    segmentor = {**tiny_segmentor(), "data_preprocessor": OWN}
    return Config(
        {"model": {"type": "SemiSegmentor", "segmentor": segmentor}, **changes}
    )


def test_one_at_the_top_belongs_to_a_model_without(capsys):
    cfg = Config({"model": tiny_segmentor(), "data_preprocessor": PREPROCESSOR})
    assert prepared_model(cfg)["data_preprocessor"] == PREPROCESSOR
    assert "data_preprocessor" not in cfg.model
    assert not capsys.readouterr().err


@pytest.mark.parametrize("outer", [False, True])
def test_the_segmentors_own_is_kept_and_a_left_over_is_named(outer, capsys):
    cfg = semi(data_preprocessor={"type": SegDataPreProcessor, "mean": [0.0] * 3})
    if outer:  # as test-time augmentation has it
        cfg.model = {"type": "SegTTAModel", "module": cfg.model}
    assert prepared_model(cfg) == cfg.model.to_dict()
    warned = capsys.readouterr().err
    assert "mean=[0.0, 0.0, 0.0] instead of [1.0, 1.0, 1.0]" in warned
    assert "std=None instead of" in warned


@pytest.mark.parametrize(
    "same", [{"data_preprocessor": {**OWN, "mean": (1, 1, 1)}}, {}, {"tta": 1}]
)
def test_an_equal_one_is_no_left_over(same, capsys):
    prepared_model(semi(**same))
    assert not capsys.readouterr().err


def test_it_may_be_equal_to_the_segmentors_or_to_what_surrounds_it(capsys):
    larger = {**OWN, "size": (8, 8)}
    for top in (OWN, larger):
        cfg = semi(data_preprocessor=top)
        cfg.model.data_preprocessor = larger
        prepared_model(cfg)
        assert not capsys.readouterr().err


def test_a_models_own_comes_before_its_segmentors(capsys):
    cfg = semi()
    cfg.model.data_preprocessor = {**OWN, "mean": [0.0] * 3}
    model = prepared_model(cfg)
    assert "data_preprocessor" not in model["segmentor"]
    assert model["data_preprocessor"]["mean"] == [0.0] * 3
    assert "model.data_preprocessor: mean=[0.0" in capsys.readouterr().err
    assert "data_preprocessor" in cfg.model.segmentor
