"""Which pipeline and preprocessor a trained network is used with."""

from __future__ import annotations

import pytest
from helpers import PREPROCESSOR, tiny_segmentor
from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config
from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs
from mmseg.models import EncoderDecoder, SegDataPreProcessor

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.export.plain_model import (
    is_fused,
    plain_config,
    plain_model,
)
from mmseg_semisup.export.plain_model import (
    test_pipeline as steps_of,
)
from mmseg_semisup.models.fused_segmentor import FusedSegmentor
from mmseg_semisup.models.losses import PixelCrossEntropy

LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackSegInputs"}
MASKS = {"type": "LoadAnnotations"}
SMALL = {"type": "Rerange", "min_value": 0, "max_value": 1}
TESTED = {"type": "BaseSegDataset", "pipeline": [LOAD, SMALL, MASKS, PACK]}
EXPECTED = [LOAD, SMALL, PACK]


def config(dataset=TESTED, **more):
    return Config({"test_dataloader": {"dataset": dataset}, **more})


@pytest.mark.parametrize(
    "dataset",
    [
        TESTED,
        {"type": "RepeatDataset", "times": 2, "dataset": TESTED},
        {"type": "ConcatDataset", "datasets": [TESTED, dict(TESTED)]},
    ],
    ids=["plain", "repeated", "several"],
)
@pytest.mark.parametrize("written", [None, [LOAD, MASKS, PACK]])
def test_the_tested_pipeline_counts(dataset, written, capsys):
    more = {} if written is None else {"test_pipeline": written}
    assert steps_of(config(dataset, **more)) == EXPECTED
    warned = "test_pipeline is not used" in capsys.readouterr().err
    assert warned == (written is not None)


def test_masks_do_not_matter_to_the_comparison(capsys):
    cfg = config(test_pipeline=[LOAD, SMALL, {"type": "SetOriginalShape"}, PACK])
    assert steps_of(cfg) == EXPECTED
    assert not capsys.readouterr().err


def test_a_variable_counts_where_nothing_is_tested():
    assert steps_of(Config({"test_pipeline": [LOAD, MASKS, PACK]})) == [LOAD, PACK]
    with pytest.raises(ConfigError, match="no test_dataloader and no test_pipeline"):
        steps_of(Config())


def test_data_sets_with_different_pipelines_are_refused():
    other = {"type": "BaseSegDataset", "pipeline": [LOAD, MASKS, PACK]}
    several = {"type": "ConcatDataset", "datasets": [TESTED, other]}
    with pytest.raises(ConfigError, match="data sets have different pipelines"):
        steps_of(config(several))


@pytest.mark.parametrize(
    "types",
    [
        ("mmengine.LoadImageFromFile", "mmseg.LoadAnnotations", "mmseg.PackSegInputs"),
        (LoadImageFromFile, LoadAnnotations, PackSegInputs),
        (
            "mmcv.transforms.loading.LoadImageFromFile",
            "mmseg.datasets.transforms.loading.LoadAnnotations",
            "mmseg.datasets.transforms.PackSegInputs",
        ),
    ],
    ids=["scoped", "classes", "dotted"],
)
def test_types_get_the_names_that_mmseg_looks_for(types):
    pipeline = [{"type": kind, "_scope_": "mmseg"} for kind in types]
    dataset = {"type": "BaseSegDataset", "pipeline": pipeline}
    assert steps_of(config(dataset)) == [LOAD, PACK]


def test_parts_are_found_by_their_class():
    segmentor = tiny_segmentor(loss_decode={"type": PixelCrossEntropy})
    segmentor["type"] = EncoderDecoder
    segmentor["data_preprocessor"] = {**PREPROCESSOR, "type": SegDataPreProcessor}
    segmentor["backbone"]["init_cfg"] = {
        "type": "mmengine.Pretrained",
        "checkpoint": "",
    }
    cfg = config(model={"type": "SemiSegmentor", "segmentor": segmentor})
    exported = plain_config(cfg)
    again = Config.fromstring(exported.pretty_text, ".py")
    assert again.to_dict() == exported.to_dict()
    assert exported.model.type == "EncoderDecoder"
    assert exported.model.decode_head.loss_decode.type == "CrossEntropyLoss"
    assert exported.model.data_preprocessor.type == "SegDataPreProcessor"
    assert exported.model.backbone.init_cfg is None


@pytest.mark.parametrize(
    "kind", ["FusedSegmentor", "mmseg.FusedSegmentor", FusedSegmentor]
)
def test_a_fused_segmentor_by_any_name(kind):
    assert is_fused({"type": kind})
    assert not is_fused({"type": "SemiSegmentor"})


@pytest.mark.parametrize("plain", [True, False])
def test_a_preprocessor_at_the_top_is_exported(plain):
    model = tiny_segmentor()
    model = model if plain else {"type": "SemiSegmentor", "segmentor": model}
    found = plain_model(Config({"model": model, "data_preprocessor": PREPROCESSOR}))
    assert found["data_preprocessor"] == {
        **PREPROCESSOR,
        "type": "SegDataPreProcessor",
        "size_divisor": 1,
    }


def test_the_models_own_preprocessor_is_exported(capsys):
    own = {**PREPROCESSOR, "mean": [1.0] * 3}
    segmentor = {**tiny_segmentor(), "data_preprocessor": own}
    model = {"type": "SemiSegmentor", "segmentor": segmentor}
    cfg = Config({"model": model, "data_preprocessor": PREPROCESSOR})
    assert plain_model(cfg)["data_preprocessor"]["mean"] == [1.0] * 3
    assert "top-level data_preprocessor is not used" in capsys.readouterr().err
    cfg.model.data_preprocessor = {**own, "mean": [2.0] * 3}
    assert plain_model(cfg)["data_preprocessor"]["mean"] == [2.0] * 3
    assert "the segmentor's own data_preprocessor is not" in capsys.readouterr().err
