"""Types as names, names with a scope, dotted paths, classes and functions."""

from __future__ import annotations

import pytest
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.models import EncoderDecoder, SegDataPreProcessor
from mmseg.models.decode_heads import FCNHead
from mmseg.registry import MODELS, TRANSFORMS

from mmseg_semisup.core.config_types import (
    argument,
    is_type,
    resolve,
    type_of,
    with_named_types,
)
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.models import SemiSegmentor

WAYS = (
    "EncoderDecoder",
    "mmseg.EncoderDecoder",
    "mmseg.models.EncoderDecoder",
    "mmseg.models.segmentors.encoder_decoder.EncoderDecoder",
    EncoderDecoder,
)


@pytest.mark.parametrize("kind", WAYS, ids=str)
def test_one_class_however_it_is_named(kind):
    assert resolve(kind, MODELS) is EncoderDecoder
    assert is_type({"type": kind}, MODELS, EncoderDecoder)
    assert not is_type({"type": kind}, MODELS, FCNHead)


def test_names_of_parent_registries_and_of_a_scope():
    assert resolve("LoadImageFromFile", TRANSFORMS) is LoadImageFromFile
    assert type_of({"type": "SemiSegmentor", "_scope_": "mmseg"}, MODELS).__name__ == (
        "SemiSegmentor"
    )
    # What mmseg registers as its own hides mmcv's class of the same name.
    assert resolve("LoadAnnotations", TRANSFORMS) is LoadAnnotations


@pytest.mark.parametrize(
    "kind", ["Nothing", "mmseg.Nothing", "no.such.module", "", None]
)
def test_unknown_types_are_none(kind):
    assert resolve(kind, MODELS) is None
    assert not is_type({"type": kind}, MODELS, object)


@pytest.mark.parametrize("cfg", [None, [], "EncoderDecoder", {}])
def test_no_config_is_no_type(cfg):
    assert not is_type(cfg, MODELS, object)


def test_derived_classes_count():
    assert is_type({"type": "CascadeEncoderDecoder"}, MODELS, EncoderDecoder)


def test_an_argument_or_its_default():
    assert argument({"type": "FCNHead"}, MODELS, "ignore_index") == 255
    assert argument({"type": FCNHead, "ignore_index": 3}, MODELS, "ignore_index") == 3
    assert argument({"type": "FCNHead"}, MODELS, "no_such_argument") is None


CLASSES = """
from mmseg.models import SegDataPreProcessor
from mmseg.models.segmentors import EncoderDecoder
from torch.nn import BatchNorm2d
from mmseg_semisup.datasets import branch_collate
model = dict(
    type=EncoderDecoder, data_preprocessor=dict(type=SegDataPreProcessor),
    norms=[dict(type=BatchNorm2d), (BatchNorm2d, 1)])
collate_fn = dict(type=branch_collate)
"""


def test_a_pure_python_config_is_read_written_and_read_again(tmp_path):
    path = tmp_path / "classes.py"
    path.write_text(CLASSES)
    cfg = with_named_types(Config.fromfile(path))
    assert set(cfg) == {"model", "collate_fn"}
    assert all(isinstance(kind, str) for kind in _types(cfg.model.to_dict()))
    cfg.dump(tmp_path / "written.py")
    again = Config.fromfile(tmp_path / "written.py")
    assert again.to_dict() == cfg.to_dict()
    assert type_of(again.model, MODELS) is EncoderDecoder
    assert type_of(again.model.data_preprocessor, MODELS) is SegDataPreProcessor


def test_other_values_stay_what_they_are(tmp_path):
    path = tmp_path / "classes.py"
    path.write_text(f"import torch\n{CLASSES}\ndtype = torch.float16\n")
    assert with_named_types(Config.fromfile(path)).dtype is torch.float16


def test_classes_of_a_config_made_in_python():
    cfg = Config({"model": {"type": SemiSegmentor, "parts": [{"type": FCNHead}]}})
    named = with_named_types(cfg)
    assert named is not cfg
    assert cfg.model.type is SemiSegmentor
    assert type_of(named.model, MODELS) is SemiSegmentor
    assert "class" not in named.pretty_text


def test_a_config_without_classes_is_left_alone():
    cfg = Config({"model": {"type": "SemiSegmentor"}})
    assert with_named_types(cfg) is cfg


def test_a_class_without_a_name_is_refused():
    class Local:
        pass

    with pytest.raises(ConfigError, match=r"model\.0\.type=.*Local: .*register it"):
        with_named_types(Config({"model": [{"type": Local}]}))


def _types(node):
    if isinstance(node, dict):
        yield from ([node["type"]] if "type" in node else [])
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for value in node:
            yield from _types(value)
