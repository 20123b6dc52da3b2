from __future__ import annotations

import pytest

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.models.network_names import check_network, configured_networks

MODEL = {"teacher": {"momentum": 0.9}, "networks": {"peer": {}, "gone": None}}


def test_the_student_comes_first():
    assert configured_networks(MODEL) == ["student", "teacher", "peer"]
    assert configured_networks({"teacher": None}) == ["student"]


def test_an_unknown_network_is_named_with_the_nearest():
    assert check_network("peer", MODEL, "predict_with") is None
    message = r"predict_with='techer', but .* \['student', .*mean 'teacher'\?"
    with pytest.raises(ConfigError, match=message):
        check_network("techer", MODEL, "predict_with")
