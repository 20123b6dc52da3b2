from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_semisup.core.errors import ConfigError, DataError
from mmseg_semisup.label_next.candidates import list_candidates


def stems(items) -> list[str]:
    return [Path(item.image).stem for item in items]


def test_the_unlabelled_images_of_the_config(cfg):
    found = list_candidates(cfg)
    assert stems(found.unlabeled) == list("2345678")
    assert stems(found.labeled) == list("01")


def test_folders_without_labelled_and_validation_images(cfg, tmp_path):
    validated = tmp_path / "data" / "validated.txt"
    validated.write_text("4\n7")
    cfg.val_dataloader.dataset.ann_file = "validated.txt"
    folder = tmp_path / "data" / "images"
    found = list_candidates(cfg, [str(folder)])
    assert stems(found.unlabeled) == list("23568")
    one = list_candidates(cfg, [str(folder / "3.jpg"), str(folder / "1.jpg")])
    assert stems(one.unlabeled) == ["3"]


def test_links_do_not_hide_a_labelled_image(cfg, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for number in (0, 5):
        (other / f"x{number}.jpg").symlink_to(
            tmp_path / "data/images" / f"{number}.jpg"
        )
    assert stems(list_candidates(cfg, [str(other)]).unlabeled) == ["x5"]


def test_nothing_is_left(cfg, tmp_path):
    with pytest.raises(DataError, match="all 1 are validated or tested"):
        list_candidates(cfg, [str(tmp_path / "data" / "images" / "0.jpg")])


def test_the_images_that_a_supervised_training_does_not_read(cfg):
    sources = cfg.train_dataloader.dataset.sources
    unlabeled = sources.pop("unlabeled")
    with pytest.raises(ConfigError, match="names no unlabelled images.*--images"):
        list_candidates(cfg)
    # The composition of a method without unlabelled images keeps what was stated.
    stated = {
        "data_root": unlabeled.data_root,
        "data_prefix": dict(unlabeled.data_prefix),
        "exclude": "source:labeled",
    }
    cfg.composed = {"source": {"method": "supervised", "unlabeled": stated}}
    assert stems(list_candidates(cfg).unlabeled) == list("2345678")


def test_a_plain_config_and_one_without_training_data(cfg, tmp_path):
    labeled = cfg.train_dataloader.dataset.sources.labeled
    folder = str(tmp_path / "data" / "images")
    plain = Config({"train_dataloader": {"dataset": labeled}})
    found = list_candidates(plain, [folder])
    assert (stems(found.unlabeled), stems(found.labeled)) == (
        list("2345678"),
        list("01"),
    )
    exported = list_candidates(Config({"model": {}}), [folder])
    assert len(exported.unlabeled) == 9
    assert (exported.labeled, exported.parts) == ([], [])


def test_ids_are_those_of_the_labelled_list(cfg, tmp_path):
    found = list_candidates(cfg)
    images = [item.image for item in found.unlabeled]
    assert found.list_ids(images) == list("2345678")
    assert found.list_ids([]) == []
    assert found.list_ids([*images, str(tmp_path / "elsewhere.jpg")]) is None
    # The data set looks for .jpg.
    assert found.list_ids([images[0].replace(".jpg", ".png")]) is None
    deep = images[0].replace("2.jpg", "a/b.jpg")
    assert found.list_ids([deep]) == ["a/b"]
    assert found._replace(parts=found.parts * 2).list_ids(images) is None
