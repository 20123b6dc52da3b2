"""Every kind of mistake in the data is found, and named."""

from __future__ import annotations

import io
import shutil

import numpy as np
import pytest
from checked_data import LOAD, check, config, expect, save, write_ids
from PIL import Image

from mmseg_semisup.datasets import checks
from mmseg_semisup.datasets.checks.content import Clock
from mmseg_semisup.datasets.checks.report import duration

pytestmark = pytest.mark.usefixtures("quick_collection")


@pytest.mark.parametrize("level", ["cheap", "full", "off"])
def test_good_data(ten_images, level):
    assert check(config(ten_images), level) == []


def test_counts_of_classes(ten_images):
    lines = []
    cfg = config(ten_images)
    report = checks.check_data(cfg, "full", workers=1, report=lines.append)
    labeled = report.parts[0]
    assert labeled.images[:3].tolist() == [4, 4, 4]
    assert labeled.pixels[:3].tolist() == [112, 112, 112]
    assert labeled.pixels[255] == 48
    line = report.table().splitlines()[2]
    assert line.split() == ["1", "b", "4", "33.33%", "2", "33.33%"]
    assert "loading 10 images with 1 process: about" in lines[0]
    cheap = checks.check_data(cfg)
    assert cheap.table() == ""
    assert "labeled 4, unlabeled 4, validation 2 images; no problems" in cheap.text()


def test_two_processes_find_the_same(ten_images):
    (ten_images / "images/5.jpg").write_bytes(b"no image")
    save(ten_images / "masks/1.png", np.full((8, 12), 3, np.uint8))
    save(ten_images / "masks/9.png", np.full((8, 12), 77, np.uint8))
    one = checks.check_data(config(ten_images), "full", workers=1)
    two = checks.check_data(config(ten_images), "full", workers=2)
    assert one.problems == two.problems
    assert len(one.problems) == 3
    for first, second in zip(one.parts, two.parts, strict=True):
        assert (first.pixels == second.pixels).all()


def test_image_in_two_lists(ten_images):
    write_ids(ten_images, "unlabeled", (2, 3, 4, 5))
    found = check(config(ten_images))
    expect(found, "overlap", "labeled and unlabeled share 2 images: 2, 3")
    assert check(config(ten_images), allow=["overlap"]) == []
    report = checks.check_data(config(ten_images), allow=["overlap"])
    assert "Allowed: the same image in two lists (1):" in report.text()


@pytest.mark.parametrize("name", ["labeled", "unlabeled"])
def test_training_on_a_validated_image_is_never_allowed(ten_images, name):
    write_ids(ten_images, "val", (3, 7, 8))
    save(ten_images / "masks/7.png", np.zeros((8, 12), np.uint8))
    found = check(config(ten_images), allow=["overlap"])
    assert ("overlap", "labeled and validation share 1 images: 3") in found
    assert ("overlap", "unlabeled and validation share 1 images: 7") in found


def test_copies_under_the_same_name(ten_images):
    (ten_images / "more").mkdir()
    for i in (2, 6):
        shutil.copy(ten_images / f"images/{i}.jpg", ten_images / f"more/{i}.jpg")
    shutil.copy(ten_images / "images/4.jpg", ten_images / "more/3.jpg")
    cfg = config(
        ten_images, unlabeled={"data_prefix": {"img_path": "more"}, "ann_file": ""}
    )
    expect(check(cfg), "overlap", "labeled and unlabeled share 1 copies of images: 2")


def test_two_labelled_sources_may_share_images(ten_images):
    cfg = config(ten_images)
    sources = cfg.train_dataloader.dataset.sources
    sources.labeled_gt = sources.labeled
    cfg.train_dataloader.sampler.ratio = {"labeled": 1, "labeled_gt": 1, "unlabeled": 2}
    assert check(cfg, "full") == []


def test_excluded_source(ten_images):
    cfg = config(ten_images, unlabeled={"ann_file": "", "exclude": "source:labeled"})
    found = check(cfg)
    expect(found, "overlap", "unlabeled and validation share 2 images: 8, 9")
    cfg = config(ten_images, unlabeled={"exclude": "source:labelled"})
    expect(check(cfg), "config", "no source 'labelled'")


@pytest.mark.parametrize(
    ("file", "word"), [("images/2.jpg", "image"), ("masks/2.png", "mask")]
)
def test_missing_file(ten_images, file, word):
    (ten_images / file).unlink()
    expect(
        check(config(ten_images)),
        "missing-file",
        f"there is no {word} {ten_images / file}",
    )


def test_ids_without_image_of_a_folder(ten_images):
    write_ids(ten_images, "unlabeled", (4, 77))
    found = check(config(ten_images))
    expect(found, "config", "'unlabeled'", "for 1 of 2 ids, among them ['77']")


def test_empty_list_and_missing_list(ten_images):
    (ten_images / "labeled.txt").write_text("\n")
    expect(
        check(config(ten_images)), "config", "source 'labeled'", "labeled.txt is empty"
    )
    (ten_images / "labeled.txt").unlink()
    expect(check(config(ten_images)), "config", "source 'labeled'", "no list of ids")


def test_problems_of_several_sources_are_all_reported(ten_images):
    (ten_images / "labeled.txt").write_text("\n")
    (ten_images / "val.txt").unlink()
    (ten_images / "images/4.jpg").unlink()
    found = check(config(ten_images))
    assert sorted(kind for kind, _ in found) == ["config"] * 3
    text = checks.check_data(config(ten_images)).text()
    assert "3 problems" in text
    assert "nothing could be loaded" in text


@pytest.mark.parametrize("level", ["cheap", "full"])
@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("images/5.jpg", b"", "the file is empty"),
        ("images/5.jpg", b"GIF89a, certainly", "not an image"),
        ("images/5.jpg", None, "the file is cut off"),
        ("masks/1.png", None, "the file is cut off"),
        ("masks/1.png", b"\x89PNG\r\n\x1a\nIEND\xaeB`\x82", "not an image"),
    ],
    ids=["empty", "other", "cut image", "cut mask", "only markers"],
)
def test_unreadable_file(ten_images, level, file, content, reason):
    path = ten_images / file
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    expect(check(config(ten_images), level), "unreadable", f"{path}: ", reason)


@pytest.mark.parametrize("file", ["images/5.jpg", "masks/1.png"])
def test_broken_inside(ten_images, file):
    path = ten_images / file
    content = bytearray(path.read_bytes())
    if file.endswith("png"):
        start = content.index(b"IDAT") + 4
        content[start : start + 12] = b"\x00" * 12
    else:
        start = content.index(b"\xff\xda")
        del content[2:start]
    path.write_bytes(content)
    found = check(config(ten_images), "full")
    expect(found, "unreadable", f"{path}: ")


def test_mask_of_another_size(ten_images):
    save(ten_images / "masks/1.png", np.zeros((12, 8), np.uint8))
    for level in ("cheap", "full"):
        found = check(config(ten_images), level)
        expect(found, "mask-size", "masks/1.png has 8x12", "images/1.jpg has 12x8")


def test_exif_orientation_turns_the_image(ten_images):
    exif = Image.Exif()
    exif[274] = 6
    pixels = np.zeros((8, 12, 3), np.uint8)
    save(ten_images / "images/1.jpg", pixels, exif=exif)
    found = check(config(ten_images), "full")
    expect(found, "mask-size", "images/1.jpg has 8x12")
    save(
        ten_images / "masks/1.png",
        np.tile(np.arange(3, dtype=np.uint8), 32).reshape(12, 8),
    )
    assert check(config(ten_images), "full") == []
    ignoring = [{"type": "LoadImageFromFile", "color_type": "unchanged"}, LOAD[1]]
    size, orientation = check(
        config(ten_images, labeled={"pipeline": ignoring}), "cheap"
    )
    expect([size], "mask-size", "images/1.jpg has 12x8")
    expect([orientation], "orientation", "labeled (unchanged, cv2) does not, unlabeled")


def test_values_that_are_no_class(ten_images):
    mask = np.zeros((8, 12), np.uint8)
    mask[0, :3] = 3, 77, 255
    save(ten_images / "masks/1.png", mask)
    assert check(config(ten_images)) == []
    found = check(config(ten_images), "full")
    expect(found, "mask-values", "masks/1.png: values [3, 77]; allowed: 0 to 2")


def test_values_over_eight_bits(ten_images):
    mask = np.zeros((8, 12), np.uint16)
    mask[0, 0] = 256
    save(ten_images / "masks/1.png", mask)
    expect(
        check(config(ten_images), "full"), "mask-values", "masks/1.png: values [256]"
    )
    mask[0, 0] = 2
    save(ten_images / "masks/1.png", mask)
    assert check(config(ten_images), "full") == []


@pytest.mark.parametrize(
    ("mode", "suffix", "reason"),
    [
        ("RGB", "png", "colours (RGB) in place of class numbers"),
        ("RGBA", "png", "colours (RGBA)"),
        ("L", "jpg", "a JPEG, whose compression changes class numbers"),
    ],
)
def test_masks_that_hold_no_numbers(ten_images, mode, suffix, reason):
    buffer = io.BytesIO()
    image = Image.new(mode, (12, 8))
    image.save(buffer, format={"png": "PNG", "jpg": "JPEG"}[suffix])
    (ten_images / "masks/1.png").write_bytes(buffer.getvalue())
    expect(check(config(ten_images), "full"), "mask-format", "masks/1.png: ", reason)


def test_palette_masks(ten_images):
    image = Image.open(ten_images / "masks/1.png").convert("P")
    image.putdata(list(np.arange(96) % 3))
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(ten_images / "masks/1.png")
    assert check(config(ten_images), "full") == []
    pipeline = [LOAD[0], {**LOAD[1], "imdecode_backend": "cv2"}]
    found = check(config(ten_images, labeled={"pipeline": pipeline}))
    expect(found, "mask-format", "masks/1.png: a palette image", "'cv2'")


def test_numbers_of_the_config(ten_images):
    cfg = config(ten_images)
    cfg.train_dataloader.batch_size = 5
    expect(check(cfg), "config", "batch_size=5 is no multiple of 2")
    cfg = config(ten_images)
    head = {"num_classes": 4}
    cfg.model = {
        "segmentor": {"decode_head": {"num_classes": 3}, "auxiliary_head": [head]}
    }
    where = "model.segmentor.auxiliary_head.0.num_classes=4"
    expect(check(cfg), "config", where, "has 3 classes: a, b, c")
    cfg = config(ten_images)
    cfg.val_dataloader.dataset.metainfo.classes = ("a", "b")
    cfg.test_dataloader = None
    expect(check(cfg), "config", "classes differ between labeled and validation")


def test_plain_mmseg_config(ten_images):
    cfg = config(ten_images)
    labeled = cfg.train_dataloader.dataset.sources.labeled
    both = {"type": "ConcatDataset", "datasets": [labeled, labeled]}
    cfg.train_dataloader = {"dataset": both, "sampler": {"type": "InfiniteSampler"}}
    report = checks.check_data(cfg, "full", workers=1)
    assert [(p.name, len(p.items)) for p in report.parts] == [
        ("labeled", 8),
        ("validation", 2),
    ]
    assert report.problems == []


def test_long_reports_are_cut(ten_images):
    for i in range(4):
        (ten_images / f"masks/{i}.png").unlink()
    report = checks.check_data(config(ten_images))
    assert report.text(limit=3).endswith("... and 1 more")
    assert report.text().count("there is no mask") == 4


def test_arguments():
    with pytest.raises(ValueError, match=r"level='all'; allowed: \['cheap'"):
        checks.check_data({}, "all")
    with pytest.raises(ValueError, match=r"allow names \['size'\]; allowed"):
        checks.check_data({}, allow=["size"])


def test_words_for_times():
    assert [duration(s) for s in (3.21, 42.4, 130, 7000)] == [
        "3.2 s",
        "42 s",
        "2 min",
        "1.9 h",
    ]
    lines = []
    clock = Clock(4, lines.append, interval=0.0)
    clock.start -= 10
    for _ in range(4):
        clock.advance(1)
    assert len(lines) == 3
    assert lines[0].startswith("1 of 4, 30 s left")


@pytest.mark.parametrize("stated", [False, True])
def test_ignored_labels_of_heads_and_metrics(ten_images, stated):
    cfg = config(ten_images)
    head = {"type": "FCNHead", "num_classes": 3}
    metric = {"type": "IoUMetric"}
    if stated:
        head["ignore_index"] = metric["ignore_index"] = 7
    cfg["model"] = {"type": "EncoderDecoder", "decode_head": head}
    cfg["val_evaluator"] = [metric]
    assert bool(checks.check_data(cfg).problems) == stated
    for loader in (cfg["train_dataloader"], cfg["val_dataloader"]):
        masks = loader["dataset"].get("sources", {}).get("labeled", loader["dataset"])
        masks["ignore_index"] = 7
    texts = [problem.text for problem in checks.check_data(cfg).problems]
    if stated:
        assert not texts
        return
    assert "model.decode_head.ignore_index=255, but labeled has ignore_index=7" in texts
    assert (
        "val_evaluator.0.ignore_index=255, but validation has ignore_index=7" in texts
    )


def test_classes_that_count_from_1_in_some_masks_alone(ten_images):
    cfg = config(ten_images)
    validated = cfg["val_dataloader"]["dataset"]
    validated["reduce_zero_label"] = True
    (text,) = [problem.text for problem in checks.check_data(cfg).problems]
    assert text.startswith("reduce_zero_label=True in validation, but False in labeled")
    cfg["train_dataloader"]["dataset"]["sources"]["labeled"]["reduce_zero_label"] = True
    cfg["test_dataloader"]["dataset"]["reduce_zero_label"] = True
    assert not checks.check_data(cfg).problems
