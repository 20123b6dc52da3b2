"""Masks in colours or with other numbers; maps of classes; templates of names."""

from __future__ import annotations

import mmcv
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image
from plain_configs import plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.datasets.checks.files import check_header
from mmseg_semisup.datasets.checks.parts import list_items
from mmseg_semisup.datasets.semi_dataset import load_sample

LOAD = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}]
COLOURS = {
    "road": [128, 64, 128],
    "lane": [[255, 0, 0], [250, 0, 0]],
    "sky": [0, 0, 255],
}
VALUES = {"road": 7, "lane": [8, 9], "sky": 30}
CLASSES = ["other", "street"]
MAP = {"road": "street", "lane": "street", "sky": None}
MASK = np.array([[1, 1, 255], [1, 1, 255]])


def save(root, pixels, name="a_mask.png", mode=None):
    path = root / "masks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(pixels, np.uint8))
    if mode == "P":
        image = image.quantize(8)
    elif mode:
        image = image.convert(mode)
    image.save(path)
    return path


def build(root, **changes):
    """A folder with one image of 2x3 pixels."""
    mmcv.imwrite(
        np.full((2, 3, 3), 9, np.uint8), str(root / "images" / "sub" / "a.jpg")
    )
    cfg = dict(
        type="FolderDataset", classes=CLASSES, data_root=str(root), pipeline=LOAD
    )
    named = dict(class_map=MAP, seg_map_template="{stem}_mask.png")
    return DATASETS.build({**cfg, **named, **changes})


def problems(dataset):
    return [p.text for item in list_items(dataset) for p in check_header(item)]


COLOURED = [
    [[128, 64, 128], [255, 0, 0], [0, 0, 255]],
    [[128, 64, 128], [250, 0, 0], [0, 0, 255]],
]


@pytest.mark.parametrize("mode", [None, "RGBA", "P"])
def test_colours(tmp_path, mode):
    save(tmp_path, COLOURED, mode=mode)
    dataset = build(tmp_path, mask_classes=COLOURS)
    assert problems(dataset) == []
    for sample in (dataset[0], load_sample(dataset, 0)):
        assert np.array_equal(sample["gt_seg_map"], MASK)
        assert sample["seg_fields"] == ["gt_seg_map"]


def test_the_palette_of_the_classes(tmp_path):
    save(tmp_path, [[[1, 2, 3], [4, 5, 6], [4, 5, 6]]] * 2)
    dataset = build(
        tmp_path, mask_classes="palette", palette=[[1, 2, 3], [4, 5, 6]], class_map=None
    )
    assert dataset[0]["gt_seg_map"].tolist() == [[0, 1, 1]] * 2


NAMES = [*"abcdefg", "road", "lane", "line"]
"""Of the values 0, 1, ...; 7 is the road."""
OF_NAMES = {**dict.fromkeys("abcdefg", "other"), "line": "street", **MAP}
OF_NAMES.pop("sky")


@pytest.mark.parametrize(
    ("mask_classes", "class_map"),
    [
        (VALUES, MAP),
        (NAMES, OF_NAMES),
        ({"road": [[7], [8], [9]], "sky": 30}, {"road": "street", "sky": None}),
    ],
)
def test_values(tmp_path, mask_classes, class_map):
    save(tmp_path, [[7, 8, 255], [9, 7, 255]])
    dataset = build(tmp_path, mask_classes=mask_classes, class_map=class_map)
    assert problems(dataset) == []
    assert np.array_equal(dataset[0]["gt_seg_map"], MASK)


@pytest.mark.parametrize(
    ("pixels", "mask_classes", "words"),
    [
        (
            [[[128, 64, 120]] * 3] * 2,
            COLOURS,
            r"a_mask.png: the colour \[128, 64, 120\] of 6 pixels is in no class; the "
            r"nearest is \[128, 64, 128\], 'road'",
        ),
        ([[7, 7, 3]] * 2, VALUES, r"a_mask.png: the mask has the values \[3\], which"),
        (
            COLOURED,
            VALUES,
            "colours in place of class numbers; name them: mask_classes=",
        ),
    ],
)
def test_a_mask_that_has_something_else(tmp_path, pixels, mask_classes, words):
    save(tmp_path, pixels)
    dataset = build(tmp_path, mask_classes=mask_classes)
    with pytest.raises(ImageFileError, match=words):
        dataset[0]


def test_files_that_are_refused_from_their_headers(tmp_path):
    path = save(tmp_path, COLOURED)
    dataset = build(tmp_path, mask_classes=COLOURS)
    Image.open(path).save(path, format="JPEG")
    assert problems(dataset) == [
        f"{path}: a JPEG, whose compression changes colours; use PNG"
    ]
    save(tmp_path, np.zeros((5, 4, 3)))
    assert problems(dataset)[0].startswith(f"{path} has 4x5 pixels, ")
    path.unlink()
    assert problems(dataset) == [f"there is no mask {path}"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"class_map": {"rood": "street"}}, "masks do not; did you mean 'road'"),
        ({"class_map": {"road": "stret"}}, "no class; did you mean 'street'"),
        ({"class_map": {"road": "street", "lane": None}}, "'sky' is neither"),
        ({"mask_classes": None}, "class_map needs mask_classes"),
        ({"mask_classes": "colours"}, "mask_classes='colours'; a"),
        ({"mask_classes": {**COLOURS, "sky": 3}}, "all names a value"),
        ({"mask_classes": {**COLOURS, "sky": [1, 2]}}, "all names a value"),
        ({"mask_classes": {**VALUES, "sky": 300}}, "allowed: a value in 0"),
        ({"mask_classes": {**VALUES, "sky": 7}}, "'sky' and 'road' are both 7"),
        ({"mask_classes": VALUES, "reduce_zero_label": True}, "ignores a class"),
        ({"seg_map_template": "{stam}.png"}, "allowed: a path with {id}, {stem}"),
        ({"seg_map_template": "{stem}.bmp"}, "none of 1 images .* would be a.bmp"),
    ],
)  # fmt: skip
def test_what_disagrees_is_refused(tmp_path, changes, words):
    save(tmp_path, COLOURED)
    with pytest.raises(ValueError, match=words):
        build(tmp_path, **{"mask_classes": COLOURS, **changes})


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{id}.png", "sub/a.png"),
        ("labels/{parent}/{stem}_mask.png", "labels/sub/a_mask.png"),
        ("../truth/{name}.png", "../truth/a.jpg.png"),
    ],
)
def test_templates(tmp_path, template, name):
    save(tmp_path, COLOURED, name)
    dataset = build(tmp_path, mask_classes=COLOURS, seg_map_template=template)
    assert np.array_equal(dataset[0]["gt_seg_map"], MASK)


def test_a_list_names_images_without_a_mask(tmp_path):
    save(tmp_path, COLOURED)
    (tmp_path / "ids.txt").write_text("sub/a\n")
    assert len(build(tmp_path, mask_classes=COLOURS, ann_file="ids.txt")) == 1
    with pytest.raises(ValueError, match="no mask in .* for sub/a"):
        build(
            tmp_path, mask_classes=COLOURS, ann_file="ids.txt", seg_map_template="{id}"
        )


def test_the_composition_keeps_them(tmp_path):
    cfg = plain_config("data", 4)
    own = dict(mask_classes=COLOURS, class_map=MAP, seg_map_template="{stem}_mask.png")
    cfg.train_dataloader.dataset.update(own)
    sources = compose(cfg, "cutmix", ["photos"]).train_dataloader.dataset.sources
    assert {key: sources.labeled[key] for key in own} == Config(own)._cfg_dict
