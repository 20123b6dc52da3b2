"""Images with image labels, as a source of a classifier."""

from pathlib import Path

import pytest
from mmseg.registry import DATASETS
from plain_configs import CLASSES, LOAD, MASKS, draw_images, plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import ConfigError

LABELS = dict(type="LoadImageLabels", num_classes=2, ignore_index=255)


def classifier(weak=None):
    return compose(plain_config(), "mlmt", "photos", weak=weak)


@pytest.mark.parametrize(
    ("weak", "folder"),
    [
        ("photos/labels.txt", "photos"),
        (["labels.json"], "."),
        (["labels.json", "photos"], "photos"),
        (dict(ann_file="labels.txt", data_prefix=dict(img_path="photos")), "photos"),
    ],
)
def test_files_of_image_labels(weak, folder):
    source = classifier(weak).train_dataloader.dataset.sources.weak
    assert source.data_prefix.img_path == folder
    assert source.classes == CLASSES


def test_masks_can_take_the_place_of_image_labels():
    weak = dict(type="FolderDataset", classes=CLASSES, data_root="more")
    source = classifier(weak).train_dataloader.dataset.sources.weak
    assert source.type == "FolderDataset"
    assert source.pipeline[:3] == [LOAD, MASKS, LABELS]


def test_a_wrapper_that_mixes_images_is_left_out():
    plain = plain_config()
    dataset = plain.train_dataloader.dataset
    *_, pack = steps = dataset.pipeline
    mosaic = [dict(type="RandomMosaic", prob=1.0, img_scale=(32, 40)), *steps[2:]]
    dataset = dict(dataset, pipeline=steps[:2])
    plain.train_dataloader.dataset = dict(
        type="MultiImageMixDataset", dataset=dataset, pipeline=mosaic
    )
    source = compose(plain, "mlmt", "photos").train_dataloader.dataset.sources.labeled
    assert source.type == "FolderDataset"
    assert (
        source.pipeline
        == classifier().train_dataloader.dataset.sources.labeled.pipeline
    )
    assert pack == mosaic[-1]


def test_image_labels_are_read(tmp_path):
    draw_images(tmp_path)
    labels = tmp_path / "labels.txt"
    labels.write_text("train4: object\ntrain5:\n")
    folder = str(tmp_path / "train" / "images")
    source = classifier([str(labels), folder]).train_dataloader.dataset.sources.weak
    dataset = DATASETS.build(source)
    found = {}
    for i in range(len(dataset)):
        sample = dataset[i]["data_samples"]["weak"]
        name = Path(sample.img_path).stem
        found[name] = sample.gt_image_labels.tolist()
        assert dataset[i]["inputs"]["weak_teacher"].shape == (3, 32, 40)
    assert found == {"train4": [1.0, 1.0], "train5": [1.0, 0.0]}


def test_image_labels_need_a_method():
    with pytest.raises(ConfigError, match=r"weak='l.txt' needs a method"):
        compose(plain_config(), weak="l.txt")


@pytest.mark.parametrize("weak", [3, ["a", "b", "c"], ["a", 1]])
def test_other_values_are_refused(weak):
    with pytest.raises(ConfigError, match="allowed: a file of image labels"):
        classifier(weak)
