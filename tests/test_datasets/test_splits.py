"""Published lists, and sources that are built from them."""

from __future__ import annotations

import re
from pathlib import Path

import mmcv
import numpy as np
import pytest
from mmseg.registry import DATASETS

from mmseg_semisup.datasets.lists import read_ids, scan_folder, strip_suffix
from mmseg_semisup.datasets.sources import build_source, build_sources, infos
from mmseg_semisup.datasets.splits import published_splits, resolve_splits, split_path


def ids(name):
    return read_ids(split_path(f"split:{name}"))


@pytest.mark.parametrize("name", published_splits())
def test_lists_are_as_long_as_they_say(name):
    found = ids(name)
    assert len(found) == len(set(found))
    if name.startswith("voc12aug"):
        assert set(found) <= {*ids("voc12aug/train_aug.txt"), *ids("voc12aug/val.txt")}
    number = name.removesuffix("_labeled.txt").rpartition("_")[2]
    if name.split("/")[1].startswith(("cac_", "mittal_")) and number.isdigit():
        assert len(found) == int(number)


def test_relations_between_lists():
    train = ids("voc12aug/train_aug.txt")
    assert len(train) == 10582
    assert not set(train) & set(ids("voc12aug/val.txt"))
    order = ids("voc12aug/mittal_permutation.txt")
    assert sorted(order) == sorted(train)
    assert ids("voc12aug/mittal_1322_labeled.txt") == order[:1322]
    indices = map(int, ids("cityscapes/mittal_permutation_indices.txt"))
    assert sorted(indices) == list(range(2975))


def test_names_of_lists():
    assert Path(split_path("split:voc12aug/val.txt")).name == "val.txt"
    assert split_path("splits/val.txt") == "splits/val.txt"
    with pytest.raises(ValueError, match=r"similar: voc12aug/unimatch_92_labeled"):
        split_path("split:voc12aug/unimatch_92.txt")


def test_configs_are_resolved_within_wrappers():
    name = "split:voc12aug/val.txt"
    cfg = {
        "datasets": [{"ann_file": name, "exclude": [name, "own.txt"]}],
        "dataset": {"exclude": name, "n": 1},
        "ann_file": "own.txt",
    }
    path = split_path(name)
    assert resolve_splits(cfg) == {
        "datasets": [{"ann_file": path, "exclude": [path, "own.txt"]}],
        "dataset": {"exclude": path, "n": 1},
        "ann_file": "own.txt",
    }
    assert cfg["dataset"]["exclude"] == name


@pytest.fixture
def voc(tmp_path):
    """Four images named as in VOC; the first two of a published list have masks."""
    listed = ids("voc12aug/unimatch_92_labeled.txt")[:2]
    image = np.zeros((4, 6, 3), np.uint8)
    for name in [*listed, "x", "sub/y"]:
        mmcv.imwrite(image, str(tmp_path / f"JPEGImages/{name}.jpg"))
    for name in listed:
        mmcv.imwrite(image[..., 0], str(tmp_path / f"SegmentationClass/{name}.png"))
    (tmp_path / "labeled.txt").write_text("\n".join(listed))
    return tmp_path


def labeled(root, **changes):
    return {
        "type": "PascalVOCDataset",
        "data_root": str(root),
        "data_prefix": {"img_path": "JPEGImages", "seg_map_path": "SegmentationClass"},
        "ann_file": "labeled.txt",
        **changes,
    }


def unlabeled(root, **changes):
    return {
        "type": "UnlabeledDataset",
        "data_root": str(root),
        "data_prefix": {"img_path": "JPEGImages"},
        **changes,
    }


def names(dataset):
    return [Path(info["img_path"]).stem for info in infos(dataset)]


@pytest.mark.parametrize(
    "exclude",
    [
        "source:labeled",
        ["source:labeled"],
        "labeled.txt",
        "split:voc12aug/unimatch_92_labeled.txt",
    ],
)
def test_unlabelled_images_are_those_without_masks(voc, exclude):
    dataset = DATASETS.build(
        {
            "type": "SemiDataset",
            "sources": {
                "labeled": labeled(voc),
                "unlabeled": unlabeled(voc, exclude=exclude),
            },
        }
    )
    assert names(dataset.sources["unlabeled"]) == ["y", "x"]
    assert len(dataset.sources["labeled"]) == 2


def test_excluded_sources_are_compared_by_file(voc):
    (voc / "link").symlink_to(voc / "JPEGImages", target_is_directory=True)
    (voc / "single").mkdir()
    for file in (voc / "JPEGImages").glob("*.jpg"):
        (voc / "single" / file.name).symlink_to(file)
    for folder in ("link", "single"):
        parts = {
            "labeled": {
                "type": "ConcatDataset",
                "datasets": [labeled(voc, indices=[0]), labeled(voc, indices=[1])],
            },
            "more": unlabeled(
                voc, data_prefix={"img_path": folder}, exclude="source:labeled"
            ),
        }
        assert not set(names(build_sources(parts)["more"])) & set(
            read_ids(voc / "labeled.txt")
        )


def test_mistakes_in_exclude(voc):
    with pytest.raises(ValueError, match=r"exclude='source:labelled', but the sources"):
        build_sources(
            {"labeled": labeled(voc), "u": unlabeled(voc, exclude="source:labelled")}
        )
    both = unlabeled(voc, ann_file="labeled.txt", exclude="source:labeled")
    with pytest.raises(ValueError, match="'u': no image is left of 2 without those of"):
        build_sources({"labeled": labeled(voc), "u": both})


def test_empty_list_and_empty_folder_are_named(voc):
    (voc / "empty.txt").write_text(" \n")
    (voc / "none").mkdir()
    with pytest.raises(ValueError, match=r"'labeled': the list .*empty\.txt is empty"):
        build_source("labeled", labeled(voc, ann_file="empty.txt"))
    with pytest.raises(ValueError, match=r"'labeled': there is no list of ids .*no\.t"):
        build_source("labeled", labeled(voc, ann_file="no.txt"))
    folder = labeled(voc, type="BaseSegDataset", ann_file="")
    folder["data_prefix"]["img_path"] = "none"
    with pytest.raises(ValueError, match=r"'labeled': no image in .*none for BaseSeg"):
        build_source("labeled", folder)
    with pytest.raises(ValueError, match=r"'u': .*none left of 0 in .*none"):
        build_source("u", unlabeled(voc, data_prefix={"img_path": "none"}))


def test_ids_and_suffixes(tmp_path):
    assert strip_suffix("a/b.JPG", [".jpg"]) == "a/b"
    assert strip_suffix("2.5", [".jpg"]) == "2.5"
    assert strip_suffix("c_leftImg8bit.png", [".png", "_leftImg8bit.png"]) == "c"
    assert strip_suffix(".png", [".png"]) == ".png"
    (tmp_path / "b").mkdir()
    for name in ("a.jpg", "b/c.JPG", ".hidden.jpg", "d.txt"):
        (tmp_path / name).touch()
    assert scan_folder(tmp_path, [".jpg"]) == {"a": "a.jpg", "b/c": "b/c.JPG"}


def test_names_of_lists_in_configs_and_documents_exist():
    root = Path(__file__).parents[2]
    files = [
        *root.glob("configs/**/*.py"),
        *root.glob("docs/*.md"),
        *root.glob("tools/*.py"),
        *root.glob("mmseg_semisup/datasets/splits/README.md"),
    ]
    named = {
        name
        for file in files
        for name in re.findall(r"split:\w+/\w+\.txt", file.read_text(encoding="utf-8"))
    } - {"split:voc12aug/NAME.txt", "split:cityscapes/NAME.txt"}
    assert len(named) > 5
    for name in named:
        assert Path(split_path(name)).is_file()


def test_readme_of_the_lists_names_each():
    text = (
        Path(split_path("split:voc12aug/val.txt")).parents[1] / "README.md"
    ).read_text(encoding="utf-8")
    for name in published_splits():
        stem = name.split("/")[1].removesuffix(".txt").removesuffix("_labeled")
        pattern = re.sub(r"^cac_\d_\d+$", "cac_K_N", stem)
        pattern = re.sub(r"^(mittal|unimatch)_\d+$", r"\1_N", pattern)
        fraction = re.sub(r"^unimatch_(u2pl_)?", "", pattern)
        assert pattern in text or f"`{fraction}`" in text, name
