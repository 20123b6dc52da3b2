"""Files of COCO and Label Studio in place of a folder of masks."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from annotated import CLASSES, draw_predictions
from mmseg.registry import DATASETS
from PIL import Image
from plain_configs import plain_config

from mmseg_semisup.annotation_files import Labels
from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.datasets.checks.files import check_header
from mmseg_semisup.datasets.checks.parts import list_items
from mmseg_semisup.datasets.semi_dataset import load_sample
from mmseg_semisup.export.annotation_export import export_masks
from mmseg_semisup.export.mask_folders import read_mask_folder

LOAD = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}]
NAMES = {"a.png": (12, 15), "x/b.png": (20, 11)}


@pytest.fixture
def masks(tmp_path):
    """Masks by name of the image; ``coco.json`` and ``label-studio.json`` have them."""
    masks = draw_predictions(tmp_path, NAMES)
    folder = read_mask_folder(tmp_path / "predictions")
    labels = Labels.of(folder.classes)
    for kind in ("coco", "label-studio"):
        export_masks(
            folder, tmp_path / f"{kind}.json", kind, labels, report=lambda _: None
        )
    path = tmp_path / "label-studio.json"
    path.write_text(path.read_text().replace('"predictions"', '"annotations"'))
    Image.new("RGB", (4, 4)).save(tmp_path / "photos" / "other.png")
    return masks


def build(root, kind="coco", **changes):
    cfg = dict(
        type="FolderDataset", classes=CLASSES, data_root=str(root), pipeline=LOAD
    )
    prefix = {"img_path": "photos"}
    own = dict(annotations=f"{kind}.json", data_prefix=prefix)
    return DATASETS.build({**cfg, **own, **changes})


def problems(dataset):
    return [p.text for item in list_items(dataset) for p in check_header(item)]


@pytest.mark.parametrize("kind", ["coco", "label-studio"])
def test_masks_of_a_file(tmp_path, masks, kind):
    dataset = build(tmp_path, kind)
    assert len(dataset) == 2
    assert problems(dataset) == []
    copied = pickle.loads(pickle.dumps(dataset))
    for number, mask in enumerate(masks.values()):
        for sample in (dataset[number], load_sample(copied, number)):
            assert np.array_equal(sample["gt_seg_map"], mask)
            assert sample["img"].shape[:2] == mask.shape


@pytest.mark.parametrize("kind", ["coco", "label-studio"])
def test_a_list_and_a_map(tmp_path, masks, kind):
    (tmp_path / "ids.txt").write_text("x/b\n")
    classes = ["background", "thing"]
    dataset = build(
        tmp_path, kind, classes=classes, class_map={"*": "thing"}, ann_file="ids.txt"
    )
    assert len(dataset) == 1
    assert np.array_equal(dataset[0]["gt_seg_map"], np.minimum(masks["x/b.png"], 1))
    dataset = build(tmp_path, kind, class_map={"car": None}, background="none")
    expected = np.where(masks["a.png"] == 2, 2, 255)
    assert np.array_equal(dataset[0]["gt_seg_map"], expected)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": ["background", "cars", CLASSES[2]]}, "coco.json: 'car' is neither "
         "a class nor in class_map; did you mean 'cars'"),
        ({"class_map": {"cat": None}}, "class_map has 'cat', .* did you mean 'car'"),
        ({"annotations": "no.json"}, "there is no file of annotations .*no.json"),
        ({"mask_classes": "palette"}, "annotations with mask_classes"),
        ({"background": "ground"}, "'ground' is no class; did you mean 'background'"),
        ({"annotations": None, "background": "car"}, "background needs annotations"),
    ],
)  # fmt: skip
def test_what_disagrees_is_refused(tmp_path, masks, changes, words):
    with pytest.raises(ValueError, match=words):
        build(tmp_path, **changes)


def test_images_that_are_missing_or_were_changed(tmp_path, masks):
    Image.new("RGB", (9, 7)).save(tmp_path / "photos" / "a.png")
    dataset = build(tmp_path)
    words = "a.png was annotated with 15x12 pixels, and has 9x7"
    assert words in problems(dataset)[0]
    with pytest.raises(ImageFileError, match=words):
        dataset[0]
    (tmp_path / "photos" / "a.png").unlink()
    with pytest.raises(ValueError, match="coco.json: a.png: there is no such image in"):
        build(tmp_path)


def test_a_file_without_annotations(tmp_path, masks):
    (tmp_path / "coco.json").write_text(json.dumps([{"data": {"image": "a.png"}}]))
    with pytest.raises(ValueError, match="no image is annotated"):
        build(tmp_path)
    (tmp_path / "coco.json").write_text("<annotations/>")
    with pytest.raises(ValueError, match="import_masks.py makes masks of CVAT's XML"):
        build(tmp_path)


def test_the_composition_keeps_them(tmp_path):
    cfg = plain_config("data", 4)
    cfg.train_dataloader.dataset.update(
        annotations="coco.json", class_map={"*": "object"}
    )
    sources = compose(cfg, "cutmix", None, "ids.txt").train_dataloader.dataset.sources
    for part in (sources.labeled, sources.unlabeled.images_of):
        assert part.annotations == "coco.json"
        assert part.class_map == {"*": "object"}
