"""Images and masks in two folders: what is found, and what is said if it is not."""

from __future__ import annotations

import mmcv
import numpy as np
import pytest
from mmseg.registry import DATASETS

LOAD = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}]


def write(root, images, masks):
    """Images of noise and masks of ones, 6x8, under their names."""
    rng = np.random.default_rng(0)
    for name in images:
        image = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        mmcv.imwrite(image, str(root / "images" / name))
    for name in masks:
        mmcv.imwrite(np.ones((6, 8), np.uint8), str(root / "masks" / name))


def build(root, **changes):
    cfg = {"type": "FolderDataset", "classes": ["a", "b"], "data_root": str(root)}
    return DATASETS.build({**cfg, **changes})


def pairs(dataset):
    """The names of images and masks below their folders."""
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return [
        (
            info["img_path"].split("/images/")[1],
            info["seg_map_path"].split("/masks/")[1],
        )
        for info in infos
    ]


def test_only_classes_are_needed(tmp_path):
    write(tmp_path, ["b.jpg", "a.PNG", "sub/c.jpeg", "d.jpg"], ["a.png", "sub/c.png"])
    dataset = build(tmp_path, pipeline=LOAD)
    assert pairs(dataset) == [("a.PNG", "a.png"), ("sub/c.jpeg", "sub/c.png")]
    assert dataset.metainfo["classes"] == ("a", "b")
    assert np.shape(dataset.metainfo["palette"]) == (2, 3)
    assert (dataset[0]["gt_seg_map"] == 1).all()


def test_list_decides_order_and_content(tmp_path):
    write(tmp_path, ["a.jpg", "b.jpg", "c.png"], ["a.png", "b.png", "c.bmp"])
    (tmp_path / "ids.txt").write_text("c\r\n\r\na.jpg\r\n")
    dataset = build(tmp_path, ann_file="ids.txt", palette=[[0, 0, 0], [1, 2, 3]])
    assert pairs(dataset) == [("c.png", "c.bmp"), ("a.jpg", "a.png")]
    assert dataset.metainfo["palette"] == [[0, 0, 0], [1, 2, 3]]


def test_names_with_more_than_a_suffix(tmp_path):
    write(tmp_path, ["x/a_left.png", "x/b_left.png"], ["x/a_ids.png", "x/b_ids.png"])
    dataset = build(tmp_path, img_suffix="_left.png", seg_map_suffix="_ids.png")
    assert pairs(dataset)[1] == ("x/b_left.png", "x/b_ids.png")


def test_images_and_masks_in_one_folder(tmp_path):
    write(tmp_path, ["a.jpg", "b.jpg"], [])
    mmcv.imwrite(np.ones((6, 8), np.uint8), str(tmp_path / "images/a.png"))
    both = {"img_path": "images", "seg_map_path": "images"}
    dataset = build(tmp_path, data_prefix=both, img_suffix=".jpg")
    assert len(dataset) == 1
    with pytest.raises(ValueError, match=r"a\.jpg and a\.png have the same id 'a'"):
        build(tmp_path, data_prefix=both)


@pytest.mark.parametrize(
    ("images", "masks", "changes", "message"),
    [
        (["a.jpg"], [], {}, r"there is no folder .*masks \(data_prefix.seg_map_path"),
        ([], ["a.png"], {}, r"there is no folder .*images \(data_prefix.img_path"),
        (["a.jpg"], ["a.png"], {"img_suffix": ".png"}, r"no file in .*images ends"),
        (["a.jpg"], ["b.png"], {}, r"no image in .*images for b$"),
        (["a.jpg"], ["a_m.png"], {}, r"for a_m; .* set seg_map_suffix='_m.png'"),
        (["a.jpg"], ["a.png"], {"ann_file": "no.txt"}, r"no list of ids .*no\.txt"),
        (["a.jpg"], ["a.png"], {"classes": []}, r"classes=\[\]; give a list"),
        (["a.jpg"], ["a.png"], {"classes": "road"}, r"classes='road'; give a list"),
        (["a.jpg"], ["a.png"], {"classes": ["a", "a"]}, "different names"),
        (["a.jpg"], ["a.png"], {"palette": [[0, 0, 0]]}, "1 colours .* 2 classes"),
    ],
)
def test_mistakes_in_plain_words(tmp_path, images, masks, changes, message):
    write(tmp_path, images, masks)
    with pytest.raises(ValueError, match=message):
        build(tmp_path, **changes)


def test_mistakes_in_a_list(tmp_path):
    names = [f"{i}.jpg" for i in range(9)]
    write(tmp_path, names, ["1.png"])
    listed = tmp_path / "ids.txt"
    listed.write_text("")
    with pytest.raises(ValueError, match=r"the list .*ids\.txt is empty"):
        build(tmp_path, ann_file="ids.txt")
    listed.write_text("1\n77\n")
    with pytest.raises(ValueError, match=r"ids\.txt: no image in .*images for 77$"):
        build(tmp_path, ann_file="ids.txt")
    listed.write_text("\n".join(names))
    with pytest.raises(ValueError, match=r"no mask in .* 0, 2, 3, 4, 5, .*\(8 in all"):
        build(tmp_path, ann_file="ids.txt")
    listed.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not a text file"):
        build(tmp_path, ann_file="ids.txt")
