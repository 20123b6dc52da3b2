import pytest
from plain_configs import CLASSES, draw_images

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.datasets import SemiDataset, UnlabeledDataset

VAL = {"type": "FolderDataset", "classes": CLASSES}


@pytest.fixture
def root(tmp_path):
    draw_images(tmp_path)
    return tmp_path


def names(dataset):
    return [info["img_path"].rpartition("/")[2] for info in dataset]


def infos(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def test_folders_files_and_lists(root):
    (root / "list.txt").write_text("val/images/val1.png\n\n")
    paths = [
        "train/images",
        "list.txt",
        "val/images/val0.png",
        "train/images/train0.png",
    ]
    dataset = UnlabeledDataset(data_root=str(root), paths=paths)
    assert names(infos(dataset)) == [
        *(f"train{i}.png" for i in range(6)),
        "val1.png",
        "val0.png",
    ]
    assert infos(dataset)[0]["seg_fields"] == []


def test_paths_are_relative_to_the_current_folder(root, monkeypatch):
    monkeypatch.chdir(root)
    assert len(UnlabeledDataset(paths=["train/images"])) == 6


def test_images_of_another_dataset(root):
    other = {**VAL, "data_root": str(root / "train"), "pipeline": []}
    assert names(infos(UnlabeledDataset(images_of=other))) == [
        f"train{i}.png" for i in range(3)
    ]


def test_images_of_a_wrapped_dataset(root):
    other = {**VAL, "data_root": str(root / "train"), "pipeline": []}
    repeated = {"type": "RepeatDataset", "times": 2, "dataset": other}
    assert len(UnlabeledDataset(images_of=repeated)) == 3


def test_images_of_a_dataset_are_left_out(root):
    held_out = {**VAL, "data_root": str(root / "val")}
    missing = {**VAL, "data_root": str(root / "nowhere")}
    dataset = UnlabeledDataset(
        data_root=str(root), paths=["val/images", "train"], exclude=[held_out, missing]
    )
    # The masks lie in a folder of their own below train.
    assert len(dataset) == 6 + 3
    with pytest.raises(ValueError, match="all 2 are validated or tested"):
        UnlabeledDataset(paths=[str(root / "val/images")], exclude=held_out)


def test_ids_are_left_out(root):
    (root / "used.txt").write_text("train0\nimages/train1.png\n")
    dataset = UnlabeledDataset(
        data_root=str(root), paths=["train/images"], exclude="used.txt"
    )
    assert names(infos(dataset)) == [f"train{i}.png" for i in range(2, 6)]


def test_labelled_images_are_left_out_by_the_semi_dataset(root):
    labeled = {**VAL, "data_root": str(root / "train"), "pipeline": []}
    held_out = {**VAL, "data_root": str(root / "val"), "pipeline": []}
    unlabeled = {
        "type": "UnlabeledDataset",
        "paths": [str(root / "train/images"), str(root / "val/images")],
        "exclude": ["source:labeled", held_out],
    }
    dataset = SemiDataset({"labeled": labeled, "unlabeled": unlabeled})
    assert names(infos(dataset.sources["unlabeled"])) == [
        f"train{i}.png" for i in range(3, 6)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"paths": ["nothing"]}, "no file or folder"),
        ({"paths": ["lines.txt"]}, r"no files for 1 of 1 lines.*x.png"),
        ({"paths": ["empty"]}, "none in .*empty"),
        ({"paths": ["a"], "images_of": VAL}, "paths and images_of are given"),
        ({"paths": ["a"], "data_prefix": {"img_path": "b"}}, "paths and data_prefix"),
    ],
)
def test_mistakes_are_named(root, arguments, message):
    (root / "lines.txt").write_text("x.png\n")
    (root / "empty").mkdir()
    with pytest.raises((ValueError, DataError), match=message):
        UnlabeledDataset(data_root=str(root), **arguments)
