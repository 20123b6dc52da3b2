"""The full configs of methods and encoders are those of the folder golden."""

from __future__ import annotations

import pytest
from composed_configs import FOLDER, composed, recorded_names
from mmengine.config import Config
from plain_configs import plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.composition.origins import leaves


def values(cfg):
    return dict(leaves(cfg._cfg_dict.to_dict()))


def test_every_method_and_encoder_is_recorded():
    assert {path.stem for path in FOLDER.glob("*.py")} == {"plain", *recorded_names()}


def test_the_plain_config_is_the_recorded_one():
    assert values(plain_config()) == values(Config.fromfile(FOLDER / "plain.py"))


@pytest.mark.parametrize("name", recorded_names())
def test_the_recorded_config_is_composed(name):
    recorded = Config.fromfile(FOLDER / f"{name}.py")
    assert values(composed(name)) == values(recorded)
    assert compose(recorded)._cfg_dict == recorded._cfg_dict
