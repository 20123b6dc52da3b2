"""Files that cannot be used are named, and training goes on only if asked to."""

from __future__ import annotations

import io
import shutil

import mmcv
import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_semisup.datasets import SampleKey
from mmseg_semisup.datasets.files import check_complete
from mmseg_semisup.datasets.semi_dataset import check_mask
from test_datasets.test_semi_dataset import build, config


def cut(path):
    path.write_bytes(path.read_bytes()[:-60])


def empty(path):
    path.write_bytes(b"")


def web_page(path):
    path.write_bytes(b"<html>not found</html>")


def remove(path):
    path.unlink()


def wrong_value(path):
    mmcv.imwrite(np.full((40, 48), 3, dtype=np.uint8), str(path))


def wrong_size(path):
    mmcv.imwrite(np.zeros((48, 40), dtype=np.uint8), str(path))


def three_channels(path):
    mmcv.imwrite(np.zeros((40, 48, 3), dtype=np.uint8), str(path))


IMAGE = {
    cut: "cut off",
    empty: "file is empty",
    web_page: "not an image",
    remove: "No such file",
}
MASK = {
    **IMAGE,
    wrong_value: r"values \[3\]; allowed: 0 to 2 \(the classes\) and 255",
    wrong_size: r"\(48, 40\), the image \(40, 48\)",
    three_channels: r"\(40, 48, 3\)",
}


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.mark.parametrize("damage", IMAGE)
@pytest.mark.parametrize("source", ["labeled", "unlabeled"])
def test_a_bad_image_is_named(copy, source, damage):
    dataset = build(copy)
    path = dataset.sources[source].get_data_info(1)["img_path"]
    damage(copy / path)
    with pytest.raises(RuntimeError, match=f"{path}.*{IMAGE[damage]}") as error:
        dataset[SampleKey(source, 1, 0)]
    assert "ann/" not in str(error.value)


@pytest.mark.parametrize("damage", MASK)
def test_a_bad_mask_is_named(copy, damage):
    dataset = build(copy)
    path = dataset.sources["labeled"].get_data_info(1)["seg_map_path"]
    damage(copy / path)
    with pytest.raises(RuntimeError, match=f"{path}.*{MASK[damage]}") as error:
        dataset[SampleKey("labeled", 1, 0)]
    assert damage not in IMAGE or "img/" not in str(error.value)


def test_a_failing_transform_is_named(copy):
    cfg = config(copy)
    crop = {"type": "RandomCrop", "crop_size": (9, 9), "ignore_index": 255}
    cfg["sources"]["unlabeled"]["pipeline"] = [crop]
    with pytest.raises(
        RuntimeError, match=r"img/003.jpg: .*RandomCrop: KeyError: 'img'"
    ):
        DATASETS.build(cfg)[SampleKey("unlabeled", 0, 0)]


def encoded(kind, size=(80, 90)):
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def with_thumbnail():
    """A JPEG whose header holds another JPEG, to its end marker."""
    photo, header = encoded("JPEG"), b"Exif\0\0" + encoded("JPEG", (20, 20))
    length = (len(header) + 2).to_bytes(2, "big")
    return photo[:2] + b"\xff\xe1" + length + header + photo[2:]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("thumbnail.jpg", with_thumbnail()),
        ("with a film behind it.jpg", encoded("JPEG") + bytes(9000)),
        ("a WebP.jpg", encoded("WEBP")),
        ("a JPEG.png", encoded("JPEG")),
        ("usual.png", encoded("PNG")),
        ("unknown.format", b""),
    ],
)
def test_what_can_be_read_is_complete(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    check_complete(str(path))
    assert not content or mmcv.imread(path) is not None


@pytest.mark.parametrize("length", [2, 300, 1200, 3500, -2])
def test_the_end_of_a_thumbnail_is_not_that_of_the_photo(tmp_path, length):
    path = tmp_path / "photo.jpg"
    path.write_bytes(with_thumbnail()[:length])
    with pytest.raises(ValueError, match="cut off"):
        check_complete(str(path))


@pytest.mark.parametrize("length", [8, 5000, -4])
def test_cut_png(tmp_path, length):
    path = tmp_path / "image.png"
    path.write_bytes(encoded("PNG")[:length])
    with pytest.raises(ValueError, match="cut off"):
        check_complete(str(path))


@pytest.mark.parametrize("value", [-1, 3, 254, 300])
def test_mask_values_of_any_type(folder, value):
    dataset = build(folder).sources["labeled"]
    image = np.zeros((2, 3, 3), dtype=np.uint8)
    check_mask(np.array([[0, 1, 2], [255, 0, 1]]), image, dataset)
    mask = np.array([[0, 1, value], [255, 0, 1]])
    with pytest.raises(ValueError, match=rf"values \[{value}\]; allowed: 0 to 2 "):
        check_mask(mask, image, dataset)


def wrapped(folder, wrapper):
    cfg = config(folder)
    cfg["sources"]["labeled"] = wrapper(cfg["sources"]["labeled"])
    return DATASETS.build(cfg)


WRAPPERS = {
    "repeated": lambda d: {"type": "RepeatDataset", "dataset": d, "times": 2},
    "joined": lambda d: {"type": "ConcatDataset", "datasets": [d, d]},
    "both": lambda d: WRAPPERS["joined"](WRAPPERS["repeated"](d)),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_files_of_wrapped_datasets_are_named(copy, wrapper):
    dataset = wrapped(copy, WRAPPERS[wrapper])
    last = len(dataset.sources["labeled"]) - 1
    sample = dataset[SampleKey("labeled", last, 0)]
    assert sample["data_samples"]["labeled"].img_path.endswith("002.jpg")
    empty(copy / "img/002.jpg")
    with pytest.raises(RuntimeError, match=r"002.jpg.*file is empty"):
        dataset[SampleKey("labeled", last, 0)]


def test_a_dataset_that_hides_its_files_is_refused(folder):
    class Hidden:
        metainfo = {}

        def __init__(self, dataset):
            self.kept = dataset

        def __len__(self):
            return 1

    DATASETS.register_module("HiddenOfThisTest", force=True, module=Hidden)
    with pytest.raises(ValueError, match="cannot be a Hidden; allowed: a BaseDataset"):
        wrapped(folder, lambda d: {"type": "HiddenOfThisTest", "dataset": d})


def test_skipping_takes_the_next_image_and_warns_once(copy, caplog):
    dataset = build(copy, on_error="skip")
    source = dataset.sources["unlabeled"]
    empty(copy / source.get_data_info(4)["img_path"])
    for _ in range(2):
        sample = dataset[SampleKey("unlabeled", 4, 0)]
    expected = source.get_data_info(0)["img_path"]
    assert sample["data_samples"]["unlabeled"].img_path == expected
    assert len(dataset._warned) == 1


def test_nothing_left_to_skip_to(copy):
    dataset = build(copy, on_error="skip")
    for i in range(3):
        empty(copy / f"img/00{i}.jpg")
    with pytest.raises(RuntimeError, match="source 'labeled' can.*the file is empty"):
        dataset[SampleKey("labeled", 0, 0)]


def unlabeled(folder, **changes):
    return DATASETS.build(
        {
            "type": "UnlabeledDataset",
            "data_root": str(folder),
            "data_prefix": {"img_path": "img"},
            **changes,
        }
    )


def names(dataset):
    return [dataset.get_data_info(i)["img_path"][-7:-4] for i in range(len(dataset))]


def test_unlabelled_lists(folder, tmp_path):
    assert names(unlabeled(folder)) == [f"{i:03d}" for i in range(8)]
    listed = tmp_path / "ids.txt"
    listed.write_text("005\n002\n\n003\n")
    assert names(unlabeled(folder, ann_file=str(listed))) == ["005", "002", "003"]
    both = unlabeled(folder, ann_file=str(listed), exclude="labeled.txt")
    assert names(both) == ["005", "003"]
    listed.write_text("004.jpg\n")
    assert names(unlabeled(folder, ann_file=str(listed))) == ["004"]


def test_unlabelled_lists_with_mistakes(folder, tmp_path):
    listed = tmp_path / "ids.txt"
    listed.write_text("005\n900\n")
    with pytest.raises(ValueError, match=r"1 of 2 ids, among them \['900'\]"):
        unlabeled(folder, ann_file=str(listed))
    with pytest.raises(ValueError, match="no list of ids"):
        unlabeled(folder, ann_file="nowhere.txt")
    with pytest.raises(ValueError, match="there is no folder"):
        unlabeled(folder, data_prefix={"img_path": "nowhere"})
    (tmp_path / "img").mkdir()
    with pytest.raises(ValueError, match="none left of 0"):
        unlabeled(tmp_path)


def test_images_of_all_kinds_in_folders_below(folder, tmp_path):
    for name in ("a/1.JPG", "a/b/2.png", "3.jpeg"):
        (tmp_path / "img" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "img/000.jpg", tmp_path / "img" / name)
    (tmp_path / "img/notes.txt").write_text("no image")
    assert len(unlabeled(tmp_path)) == 3
