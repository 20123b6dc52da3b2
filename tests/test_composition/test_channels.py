from __future__ import annotations

import pytest
from channel_images import channel_config

from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import ConfigError


def test_the_composition_reads_all_images_alike():
    cfg = compose(channel_config("data"), "cutmix", ["photos"])
    sources = cfg.train_dataloader.dataset.sources
    first = sources.labeled.pipeline[0]
    assert first.type == "LoadChannels"
    assert sources.unlabeled.pipeline[0] == first
    views = str(sources.unlabeled.pipeline[-1])
    assert "PhotoMetricDistortion" not in views


def changed(cfg, key, value):
    cfg.merge_from_dict({key: value})
    return cfg


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("model.backbone.in_channels", 3, "takes 3: set model.backbone.in_channels=5"),
        ("model.data_preprocessor.mean", [1.0] * 3, "preprocessor.mean has 3 numbers"),
        (
            "val_dataloader.dataset.pipeline.0.high",
            9,
            "val_dataloader reads images with",
        ),
    ],
)
def test_what_disagrees_is_refused(key, value, words):
    cfg = changed(channel_config("data"), key, value)
    with pytest.raises(ConfigError, match=words):
        compose(cfg, "cutmix", ["photos"])
