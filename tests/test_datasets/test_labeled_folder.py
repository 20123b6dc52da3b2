from __future__ import annotations

import pytest
from mmseg.registry import DATASETS
from plain_configs import plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.labeled_folder import labeled_dataset, write_labeled


def test_a_folder_takes_the_place_of_the_training_data(tmp_path):
    write_labeled(tmp_path, ["a", "b"], "photos", ["x", "y"], [[1, 2, 3], [4, 5, 6]])
    cfg = plain_config("data", 4)
    steps = cfg.train_dataloader.dataset.pipeline
    steps[1].reduce_zero_label = True
    composed = compose(cfg, "cutmix", ["photos"], str(tmp_path))
    sources = composed.train_dataloader.dataset.sources
    found = sources.labeled.to_dict()
    pipeline = found.pop("pipeline")
    assert found == labeled_dataset(tmp_path)
    assert [step["type"] for step in pipeline] == [step.type for step in steps]
    assert "reduce_zero_label" not in pipeline[1]
    assert "source:labeled" in sources.unlabeled.exclude
    assert found["ann_file"] == str(tmp_path / "labeled.txt")
    assert (tmp_path / "labeled.txt").read_text() == "a\nb\n"
    data = DATASETS.build({**labeled_dataset(tmp_path), "lazy_init": True})
    assert data.metainfo["classes"] == ("x", "y")


def test_a_folder_of_something_else(tmp_path):
    with pytest.raises(ConfigError, match="labeled.json: cannot be r"):
        labeled_dataset(tmp_path)
    (tmp_path / "labeled.json").write_text("{}")
    with pytest.raises(ConfigError, match="labeled.json: classes is missing"):
        labeled_dataset(tmp_path)
