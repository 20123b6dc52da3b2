"""Configs that ship with MMSegmentation; docs/mmseg_configs.md has the rest."""

from __future__ import annotations

import json

import compose_page
import pytest
from lanes import FULL
from mmengine.config import Config
from mmseg_configs import CONFIGS, MISSING, ROOT
from mmseg_trial import try_method

from mmseg_semisup.composition import compose, read_config, resolve_method
from mmseg_semisup.core.errors import ConfigError

KEPT = json.loads(compose_page.KEPT.read_text(encoding="utf-8"))
REFUSED = {
    "point_rend": "classifies points",
    "levir": "pairs of images",
    "vpd": "depth",
    "convnext": "mmpretrain, which is not installed",
    "mask2former": "mmdet, which is not installed",
    "maskformer": "queries",
    "san/": "'MultimodalEncoderDecoder'",
}
"""Part of a name to part of the reason."""


@pytest.fixture(scope="module")
def blocks():
    return {method: resolve_method(method) for method in compose_page.METHODS}


def composed_with(name, blocks):
    plain = read_config(ROOT / f"{name}.py")[0]
    before = plain._cfg_dict.to_dict()
    for method, block in blocks.items():
        cfg = compose(plain, method=block, unlabeled=["photos"])
        assert compose(cfg)._cfg_dict == cfg._cfg_dict, method
        assert plain._cfg_dict.to_dict() == before, method
        yield plain, cfg


@pytest.mark.parametrize("name", [*CONFIGS, *MISSING])
def test_a_shipped_config_composes_or_is_refused_with_the_reason(name, blocks):
    reason = next((text for part, text in REFUSED.items() if part in name), None)
    if not (ROOT / f"{name}.py").is_file():
        pytest.skip("another version of mmseg")
    if reason is not None:
        with pytest.raises(ConfigError, match=reason) as error:
            list(composed_with(name, blocks))
        assert "\n" not in str(error.value)
        return
    for plain, cfg in composed_with(name, blocks):
        segmentor = dict(cfg.model.segmentor)
        prepared = segmentor.pop("data_preprocessor")
        stated = plain.model.get("data_preprocessor", plain.get("data_preprocessor"))
        # Without a size, crops at the edge of an image are padded to that of the crop.
        assert {"size": prepared.get("size"), **stated} == prepared
        assert segmentor == {k: v for k, v in plain.model.items() if k in segmentor}
        labeled = cfg.train_dataloader.dataset.sources.labeled
        assert labeled == plain.train_dataloader.dataset
        assert cfg.param_scheduler == plain.param_scheduler
        assert cfg.train_cfg == plain.train_cfg
        count = plain.train_dataloader.batch_size
        ratio = cfg.train_dataloader.sampler.ratio
        assert cfg.train_dataloader.batch_size == count * sum(ratio.values())


@pytest.mark.parametrize("name", list(CONFIGS)[:1])
def test_a_composed_config_is_read_as_it_was_written(name, blocks, tmp_path):
    *_, (_, cfg) = composed_with(name, blocks)
    cfg.dump(tmp_path / "composed.py")
    assert Config.fromfile(tmp_path / "composed.py")._cfg_dict == cfg._cfg_dict


TRAINED = [("fast_scnn", "cutmix"), ("mit-b0", "context_aware")]
if FULL:  # Half a minute in float16, which processors only imitate.
    TRAINED.append(("fcn_4xb4-amp", "s4gan"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "method"), TRAINED)
def test_a_training_at_a_tiny_size_is_right(name, method, tmp_path):
    (name,) = (each for each in CONFIGS if name in each)
    found = try_method(name, method, tmp_path)
    assert compose_page.is_right(found), found


def test_the_page_is_up_to_date():
    assert compose_page.PAGE.read_text(encoding="utf-8") == compose_page.page(KEPT)


def test_no_training_of_the_page_fails():
    failed = [k for k, cell in KEPT["cells"].items() if cell["result"] == "fails"]
    assert failed == []
    right = [
        f"{name} {method}"
        for name in CONFIGS
        for method in compose_page.METHODS
        if compose_page.is_right(KEPT["cells"][f"{name} {method}"])
    ]
    assert len(right) >= 144
