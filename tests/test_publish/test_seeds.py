"""A training of a study knows those with other seeds."""

from __future__ import annotations

import pytest
from study_records import record

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.publish.seeds import find_row
from mmseg_semisup.study.results import to_json


def test_the_study_that_a_training_is_of(tmp_path, monkeypatch):
    cell = tmp_path / "cells" / "cutmix_m5_seed1"
    assert find_row(cell, "teacher") is None
    (tmp_path / "results.json").write_bytes(to_json(record()))
    for folder in (cell, cell / "stage2"):
        row = find_row(folder, "teacher")
        assert (row.method, row.scores("last")) == ("cutmix", [44, 45, 43])
    monkeypatch.chdir(tmp_path / "..")
    assert find_row(cell.relative_to(tmp_path.parent), "student") is not None
    assert find_row(cell, "peer") is None
    assert find_row(tmp_path / "cells" / "cutmix_m5_seed7", "teacher") is None
    assert find_row(tmp_path / "elsewhere" / "cutmix_m5_seed1", "teacher") is None


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(ConfigError, match="results.json is no record of a study"):
        find_row(tmp_path / "cells" / "cutmix_m5_seed1", "teacher")
