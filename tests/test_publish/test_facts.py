"""What records say of a network."""

from __future__ import annotations

import json

import pytest
from mmengine.config import Config
from study_records import record
from tiny_training import CLASSES, write_adversarial

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.publish.facts import collect, first_weights, licence_of
from mmseg_semisup.report.facts import Facts, write_facts
from mmseg_semisup.study.results import to_json

META = {"iter": 4, "seed": 7, "dataset_meta": {"classes": CLASSES, "palette": []}}


@pytest.fixture
def cfg(tmp_path) -> Config:
    return Config.fromfile(write_adversarial(tmp_path))


def write_log(folder, *lines) -> None:
    path = folder / "20260101_000000" / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, lines)))


LOG = [
    {"mIoU": 40.0, "teacher/mIoU": 45.0, "step": 2},
    {
        "mIoU": 42.0,
        "teacher/mIoU": 44.0,
        "IoU/cat": 3.0,
        "teacher/IoU/cat": 5.0,
        "step": 4,
    },
]


def test_records_of_a_training(cfg, tmp_path):
    write_log(tmp_path, *LOG)
    facts = collect(cfg, {"meta": META}, tmp_path, "teacher")
    assert facts.classes == list(CLASSES)
    assert facts.architecture == ["EncoderDecoder", "UNet", "FCNHead"]
    assert facts.method == "adversarial, self_taught"
    sources = [(s.name, s.dataset, s.images) for s in facts.sources]
    assert sources == [("labeled", "data", 4), ("unlabeled", "data", 4)]
    assert facts.validation.images == 4
    assert (facts.iteration, facts.iterations, facts.seed) == (4, 4, 7)
    assert facts.scores == {2: 45.0, 4: 44.0}
    assert facts.class_scores == {"cat": 5.0}
    assert (facts.best, facts.last) == (2, 4)
    assert collect(cfg, {"meta": META}, tmp_path, "student").scores == {2: 40, 4: 42}


def test_a_single_network_is_not_named_in_the_log(cfg, tmp_path):
    write_log(tmp_path, {"mIoU": 40.0, "step": 2})
    assert collect(cfg, {"meta": META}, tmp_path, "student").scores == {2: 40.0}
    assert collect(cfg, {"meta": META}, tmp_path, "teacher").scores == {}
    cfg.model.test_cfg = {"predict_with": "teacher"}
    assert collect(cfg, {"meta": META}, tmp_path, "student").scores == {}
    assert collect(cfg, {"meta": META}, tmp_path, "teacher").scores == {2: 40.0}


def test_what_is_not_there_is_not_known(cfg, tmp_path):
    cfg.train_dataloader.dataset.sources.labeled.data_root = "/nowhere/photos/"
    cfg.pop("val_dataloader")
    cfg.pop("randomness")
    meta = {"dataset_meta": META["dataset_meta"]}
    facts = collect(cfg, {"meta": meta}, tmp_path / "none", "student")
    assert (facts.sources[0].dataset, facts.sources[0].images) == ("photos", None)
    assert facts.validation is None
    assert (facts.iteration, facts.seed, facts.best) == (None, None, None)


DATA = {
    "sources": {"labeled": {"images": 22, "per_step": 8.0, "sizes": "16x16"}},
    "validated": 101,
    "masks": 22,
    "masks_read": 22,
    "classes": [],
    "warnings": [],
}


def test_the_report_says_what_was_trained_with(cfg, tmp_path):
    """Also where the images are not, or have become others."""
    report = Facts(classes=list(CLASSES), method="cutmix", data=DATA, since="2026")
    write_facts(tmp_path, report)
    facts = collect(cfg, {"meta": META}, tmp_path, "student")
    assert facts.method == "cutmix"
    assert [source.images for source in facts.sources] == [22, 4]
    assert facts.validation.images == 101
    assert facts.report == report


def test_a_training_of_a_study_knows_its_seeds(cfg, tmp_path):
    (tmp_path / "results.json").write_bytes(to_json(record()))
    cell = tmp_path / "cells" / "cutmix_m5_seed1"
    assert collect(cfg, {"meta": META}, cell, "teacher").study.method == "cutmix"
    assert collect(cfg, {"meta": META}, tmp_path, "teacher").study is None


def test_scores_of_an_earlier_training_do_not_count(cfg, tmp_path):
    write_log(tmp_path, *LOG)
    write_facts(tmp_path, Facts(since="20260101_000001"))
    assert collect(cfg, {"meta": META}, tmp_path, "teacher").scores == {}


def test_a_report_of_a_later_training_is_refused(cfg, tmp_path):
    """Its scores would be stated as those of an older checkpoint."""
    write_facts(tmp_path, Facts(since="20260101_000001"))
    newer = {"meta": {**META, "time": "20260101_000002"}}
    assert collect(cfg, newer, tmp_path, "student").iteration == 4
    older = {"meta": {**META, "time": "20260101_000000"}}
    with pytest.raises(ConfigError, match="saved at 20260101_000000, before the train"):
        collect(cfg, older, tmp_path, "student")


def test_a_report_of_other_classes_is_refused(cfg, tmp_path):
    write_facts(tmp_path, Facts(classes=["road", *CLASSES[1:]]))
    message = (
        f"report.json is of another training: .* 0: 'road' instead of '{CLASSES[0]}'"
    )
    with pytest.raises(ConfigError, match=message):
        collect(cfg, {"meta": META}, tmp_path, "student")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"method": "fixmatch"}, "fixmatch"),
        ({"method": ["fixmatch", "own/cutmix.py"]}, "fixmatch and cutmix"),
        ({"method": {"base": "fixmatch"}}, "adversarial, self_taught"),
    ],
)
def test_the_method_of_a_composition(cfg, tmp_path, source, expected):
    cfg.composed = {"source": source}
    assert collect(cfg, {"meta": META}, tmp_path, "student").method == expected


def test_first_weights_are_named_without_folders():
    model = {
        "backbone": {
            "init_cfg": {"type": "Pretrained", "checkpoint": "/home/me/a.pth"}
        },
        "neck": [{"init_cfg": {"checkpoint": "https://example.org/x/b.pth"}}],
        "decode_head": {"pretrained": None, "weights": "facebook/dinov2-small"},
        "auxiliary_head": {"init_cfg": {"checkpoint": "/home/me/a.pth"}},
    }
    expected = ["a.pth", "https://example.org/x/b.pth", "facebook/dinov2-small"]
    assert first_weights(model) == expected
    assert [licence_of(name) for name in expected] == ["", "", "apache-2.0"]
    assert licence_of("DINOv3_vits16.safetensors") == "other"
