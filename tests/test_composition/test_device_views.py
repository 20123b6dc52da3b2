"""Colours that are changed on the device, by one key of a method."""

import pytest
from mmengine.config import Config
from plain_configs import PACK, plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.composition.device_views import on_device
from mmseg_semisup.core.errors import ConfigError

JITTER = {"type": "ColorJitter", "prob": 0.8}
GREY = {"type": "RandomGrayscale", "prob": 0.2, "keep_channels": True}
BLUR = {"type": "mmseg.RandomGaussianBlur", "prob": 0.5}
PHOTO = {"type": "PhotoMetricDistortion"}
TAKE = {"type": "TakeCrop", "which": 1}


@pytest.mark.parametrize(
    ("steps", "early", "late"),
    [
        ([JITTER, GREY, BLUR], [], [JITTER, GREY, BLUR]),
        ([PHOTO, JITTER], [PHOTO], [JITTER]),
        ([TAKE, JITTER, BLUR], [TAKE], [JITTER, BLUR]),
    ],
)
def test_the_last_transforms_move(steps, early, late):
    made = on_device({"weak": [], "strong": steps}, PACK)
    assert made["weak"] == [PACK]
    of = {} if early else {"of": "weak"}
    assert made["strong"] == {"transforms": [*early, PACK], "device": late, **of}


@pytest.mark.parametrize("steps", [[JITTER, PHOTO], [{**GREY, "keep_channels": False}]])
def test_what_cannot_move_stays(steps):
    views = {"weak": [], "strong": steps}
    assert on_device(views, PACK) == {n: [*s, PACK] for n, s in views.items()}


def test_without_a_weak_view_the_pixels_are_sent():
    made = on_device({"one": [JITTER], "two": [JITTER]}, PACK)
    assert made["one"] == {"transforms": [PACK], "device": [JITTER]}
    assert made["two"] == made["one"]


def composed(method, **changes):
    return compose(plain_config(**changes), method, unlabeled="photos")


def views_of(cfg, source="unlabeled"):
    return cfg.train_dataloader.dataset.sources[source].pipeline[-1].views


@pytest.mark.parametrize("name", ["unimatch_v2", "fixmatch", "mean_teacher", "cutmix"])
def test_one_key_of_a_method_is_enough(name):
    views = views_of(composed({"base": name, "augment": "device"}))
    assert views.unlabeled == [PACK]
    strong = [view for key, view in views.items() if key != "unlabeled"]
    assert strong
    for view in strong:
        assert view["of"] == "unlabeled"
        assert [step["type"] for step in view["device"]] == [
            "ColorJitter",
            "RandomGrayscale",
            "RandomGaussianBlur",
        ]


def test_further_sources_have_their_own_weak_view():
    cfg = composed({"base": "unimatch_v1", "augment": "device"})
    assert views_of(cfg, "partner").partner_strong["of"] == "partner"


def test_the_workers_are_the_default():
    plain = composed("unimatch_v2")
    stated = composed({"base": "unimatch_v2", "augment": "workers"})
    assert plain.train_dataloader == stated.train_dataloader
    assert isinstance(views_of(plain).unlabeled_strong, list)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({"base": "fixmatch", "augment": "devise"}, "did you mean 'device'"),
        ({"base": "adv_semi_seg", "augment": "device"}, "no view ends.*ColorJitter"),
        ({"base": "three_stage", "augment": "device"}, "in the method of a stage"),
    ],
)
def test_mistakes_are_named(method, message):
    with pytest.raises(ConfigError, match=message):
        composed(method)


def test_another_preprocessor_is_refused():
    cfg = plain_config()
    cfg.model.data_preprocessor = Config({"type": "ImgDataPreprocessor"})._cfg_dict
    method = {"base": "fixmatch", "augment": "device"}
    with pytest.raises(ConfigError, match="type='ImgDataPreprocessor'"):
        compose(cfg, method, unlabeled="photos")
