"""Every kind of mistake in the data is found, and named."""

from __future__ import annotations

import gc
import io
import shutil

import numpy as np
import pytest
from mmengine.config import ConfigDict
from PIL import Image

from mmseg_semisup.datasets import checks
from mmseg_semisup.datasets.checks import labels
from mmseg_semisup.datasets.checks.content import Clock
from mmseg_semisup.datasets.checks.report import duration

LOAD = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}]
PACK = {"type": "PackSegInputs"}


@pytest.fixture(scope="module", autouse=True)
def _quick_collection():
    """mmengine collects garbage for each dataset; there is much to look at by now."""
    gc.freeze()
    yield
    gc.unfreeze()


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


@pytest.fixture
def root(tmp_path):
    """Ten images, 12x8; 0..3 and the validated 8, 9 have masks of three classes."""
    rng = np.random.default_rng(0)
    for i in range(10):
        save(
            tmp_path / f"images/{i}.jpg",
            rng.integers(0, 256, (8, 12, 3), dtype=np.uint8),
        )
        if i < 4 or i > 7:
            mask = np.arange(96, dtype=np.uint8).reshape(8, 12) % 3
            mask[0] = 255
            save(tmp_path / f"masks/{i}.png", mask)
    write_ids(tmp_path, "labeled", range(4))
    write_ids(tmp_path, "unlabeled", range(4, 8))
    write_ids(tmp_path, "val", (8, 9))
    return tmp_path


def write_ids(root, name, ids):
    (root / f"{name}.txt").write_text("".join(f"{i}\n" for i in ids))


def config(root, **changes):
    """A config as of an mmseg dataset and a folder without masks."""
    masks = {
        "type": "BaseSegDataset",
        "data_root": str(root),
        "data_prefix": {"img_path": "images", "seg_map_path": "masks"},
        "metainfo": {"classes": ("a", "b", "c")},
        "pipeline": [*LOAD, {"type": "RandomCrop", "crop_size": (4, 4)}, PACK],
    }
    unlabeled = {
        "type": "UnlabeledDataset",
        "data_root": str(root),
        "data_prefix": {"img_path": "images"},
        "ann_file": "unlabeled.txt",
        "pipeline": [LOAD[0], {"type": "MultiView", "views": {"unlabeled": [PACK]}}],
    }
    cfg = ConfigDict(
        train_dataloader={
            "batch_size": 4,
            "sampler": {"ratio": {"labeled": 1, "unlabeled": 1}},
            "dataset": {
                "type": "SemiDataset",
                "sources": {
                    "labeled": {**masks, "ann_file": "labeled.txt"},
                    "unlabeled": unlabeled,
                },
            },
        },
        val_dataloader={"dataset": {**masks, "ann_file": "val.txt"}},
        test_dataloader={"dataset": {**masks, "ann_file": "val.txt"}},
    )
    for key, value in changes.items():
        cfg.train_dataloader.dataset.sources[key].update(value)
    return cfg


def check(cfg, level="cheap", **options):
    """Problems as (kind, text)."""
    report = checks.check_data(cfg, level, **options, workers=1)
    return [(problem.kind, problem.text) for problem in report.problems]


def expect(found, kind, *parts):
    assert [k for k, _ in found] == [kind], found
    for part in parts:
        assert part in found[0][1]


@pytest.mark.parametrize("level", ["cheap", "full", "off"])
def test_good_data(root, level):
    assert check(config(root), level) == []


def test_counts_of_classes(root):
    lines = []
    cfg = config(root)
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


def test_two_processes_find_the_same(root):
    (root / "images/5.jpg").write_bytes(b"no image")
    save(root / "masks/1.png", np.full((8, 12), 3, np.uint8))
    save(root / "masks/9.png", np.full((8, 12), 77, np.uint8))
    one = checks.check_data(config(root), "full", workers=1)
    two = checks.check_data(config(root), "full", workers=2)
    assert one.problems == two.problems
    assert len(one.problems) == 3
    for first, second in zip(one.parts, two.parts, strict=True):
        assert (first.pixels == second.pixels).all()


def test_image_in_two_lists(root):
    write_ids(root, "unlabeled", (2, 3, 4, 5))
    found = check(config(root))
    expect(found, "overlap", "labeled and unlabeled share 2 images: 2, 3")
    assert check(config(root), allow=["overlap"]) == []
    report = checks.check_data(config(root), allow=["overlap"])
    assert "Allowed: the same image in two lists (1):" in report.text()


@pytest.mark.parametrize("name", ["labeled", "unlabeled"])
def test_training_on_a_validated_image_is_never_allowed(root, name):
    write_ids(root, "val", (3, 7, 8))
    save(root / "masks/7.png", np.zeros((8, 12), np.uint8))
    found = check(config(root), allow=["overlap"])
    assert ("overlap", "labeled and validation share 1 images: 3") in found
    assert ("overlap", "unlabeled and validation share 1 images: 7") in found


def test_copies_under_the_same_name(root):
    (root / "more").mkdir()
    for i in (2, 6):
        shutil.copy(root / f"images/{i}.jpg", root / f"more/{i}.jpg")
    shutil.copy(root / "images/4.jpg", root / "more/3.jpg")
    cfg = config(root, unlabeled={"data_prefix": {"img_path": "more"}, "ann_file": ""})
    expect(check(cfg), "overlap", "labeled and unlabeled share 1 copies of images: 2")


def test_two_labelled_sources_may_share_images(root):
    cfg = config(root)
    sources = cfg.train_dataloader.dataset.sources
    sources.labeled_gt = sources.labeled
    cfg.train_dataloader.sampler.ratio = {"labeled": 1, "labeled_gt": 1, "unlabeled": 2}
    assert check(cfg, "full") == []


def test_excluded_source(root):
    cfg = config(root, unlabeled={"ann_file": "", "exclude": "source:labeled"})
    found = check(cfg)
    expect(found, "overlap", "unlabeled and validation share 2 images: 8, 9")
    cfg = config(root, unlabeled={"exclude": "source:labelled"})
    expect(check(cfg), "config", "no source 'labelled'")


@pytest.mark.parametrize(
    ("file", "word"), [("images/2.jpg", "image"), ("masks/2.png", "mask")]
)
def test_missing_file(root, file, word):
    (root / file).unlink()
    expect(check(config(root)), "missing-file", f"there is no {word} {root / file}")


def test_ids_without_image_of_a_folder(root):
    write_ids(root, "unlabeled", (4, 77))
    found = check(config(root))
    expect(found, "config", "'unlabeled'", "for 1 of 2 ids, among them ['77']")


def test_empty_list_and_missing_list(root):
    (root / "labeled.txt").write_text("\n")
    expect(check(config(root)), "config", "source 'labeled'", "labeled.txt is empty")
    (root / "labeled.txt").unlink()
    expect(check(config(root)), "config", "source 'labeled'", "no list of ids")


def test_problems_of_several_sources_are_all_reported(root):
    (root / "labeled.txt").write_text("\n")
    (root / "val.txt").unlink()
    (root / "images/4.jpg").unlink()
    found = check(config(root))
    assert sorted(kind for kind, _ in found) == ["config"] * 3
    text = checks.check_data(config(root)).text()
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
def test_unreadable_file(root, level, file, content, reason):
    path = root / file
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    expect(check(config(root), level), "unreadable", f"{path}: ", reason)


@pytest.mark.parametrize("file", ["images/5.jpg", "masks/1.png"])
def test_broken_inside(root, file):
    path = root / file
    content = bytearray(path.read_bytes())
    if file.endswith("png"):
        start = content.index(b"IDAT") + 4
        content[start : start + 12] = b"\x00" * 12
    else:
        start = content.index(b"\xff\xda")
        del content[2:start]
    path.write_bytes(content)
    found = check(config(root), "full")
    expect(found, "unreadable", f"{path}: ")


def test_mask_of_another_size(root):
    save(root / "masks/1.png", np.zeros((12, 8), np.uint8))
    for level in ("cheap", "full"):
        found = check(config(root), level)
        expect(found, "mask-size", "masks/1.png has 8x12", "images/1.jpg has 12x8")


def test_exif_orientation_turns_the_image(root):
    exif = Image.Exif()
    exif[274] = 6
    pixels = np.zeros((8, 12, 3), np.uint8)
    save(root / "images/1.jpg", pixels, exif=exif)
    found = check(config(root), "full")
    expect(found, "mask-size", "images/1.jpg has 8x12")
    save(root / "masks/1.png", np.tile(np.arange(3, dtype=np.uint8), 32).reshape(12, 8))
    assert check(config(root), "full") == []
    ignoring = [{"type": "LoadImageFromFile", "color_type": "unchanged"}, LOAD[1]]
    found = check(config(root, labeled={"pipeline": ignoring}), "cheap")
    expect(found, "mask-size", "images/1.jpg has 12x8")


def test_values_that_are_no_class(root):
    mask = np.zeros((8, 12), np.uint8)
    mask[0, :3] = 3, 77, 255
    save(root / "masks/1.png", mask)
    assert check(config(root)) == []
    found = check(config(root), "full")
    expect(found, "mask-values", "masks/1.png: values [3, 77]; allowed: 0 to 2")


def test_values_over_eight_bits(root):
    mask = np.zeros((8, 12), np.uint16)
    mask[0, 0] = 256
    save(root / "masks/1.png", mask)
    expect(check(config(root), "full"), "mask-values", "masks/1.png: values [256]")
    mask[0, 0] = 2
    save(root / "masks/1.png", mask)
    assert check(config(root), "full") == []


@pytest.mark.parametrize(
    ("mode", "suffix", "reason"),
    [
        ("RGB", "png", "colours (RGB) in place of class numbers"),
        ("RGBA", "png", "colours (RGBA)"),
        ("L", "jpg", "a JPEG, whose compression changes class numbers"),
    ],
)
def test_masks_that_hold_no_numbers(root, mode, suffix, reason):
    buffer = io.BytesIO()
    image = Image.new(mode, (12, 8))
    image.save(buffer, format={"png": "PNG", "jpg": "JPEG"}[suffix])
    (root / "masks/1.png").write_bytes(buffer.getvalue())
    expect(check(config(root), "full"), "mask-format", "masks/1.png: ", reason)


def test_palette_masks(root):
    image = Image.open(root / "masks/1.png").convert("P")
    image.putdata(list(np.arange(96) % 3))
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(root / "masks/1.png")
    assert check(config(root), "full") == []
    pipeline = [LOAD[0], {**LOAD[1], "imdecode_backend": "cv2"}]
    found = check(config(root, labeled={"pipeline": pipeline}))
    expect(found, "mask-format", "masks/1.png: a palette image", "'cv2'")


def test_class_without_labelled_image(root):
    for i in range(4):
        mask = np.zeros((8, 12), np.uint8)
        mask[i] = 2
        save(root / f"masks/{i}.png", mask)
    assert check(config(root)) == []
    found = check(config(root), "full")
    expect(found, "missing-class", "no labelled image shows 'b' (class 1)")
    assert check(config(root), "full", allow=["missing-class"]) == []


LABELS = [*LOAD, {"type": "LoadImageLabels", "num_classes": 3}]


@pytest.mark.parametrize("level", ["cheap", "full"])
def test_class_without_image_label(root, level, monkeypatch):
    cfg = config(root, labeled={"pipeline": LABELS})
    assert check(cfg, level) == []
    for i in range(4):
        save(root / f"masks/{i}.png", np.full((8, 12), 2 * (i % 2), np.uint8))
    text = "no labelled image shows 'b' (class 1)"
    expect(check(cfg, level), "missing-class", text)
    assert check(cfg, level, allow=["missing-class"]) == []
    monkeypatch.setattr(checks, "LIMIT", 2)
    report = checks.check_data(cfg, level, workers=1)
    assert len(report.problems) == (level == "full")
    if level == "cheap":
        # The masks 0 and 2 are read.
        sampled = "none of 2 labelled images shows 'b' (class 1); the full check"
        assert sampled in report.text()
        assert [problem.text[:36] for problem in report.warnings] == [
            "none of 2 labelled images shows 'b' ",
            "none of 2 labelled images shows 'c' ",
        ]


def test_a_list_of_labels_shows_what_masks_do_not(root):
    cfg = config(root, labeled={"pipeline": LABELS})
    save(root / "masks/0.png", np.full((8, 12), 77, np.uint8))
    for i in range(1, 4):
        save(root / f"masks/{i}.png", np.zeros((8, 12), np.uint8))
    assert len(check(cfg)) == 2
    (root / "weak.txt").write_text("4: b, c\n5: b\n")
    cfg.train_dataloader.dataset.sources.weak = {
        "type": "WeakLabelDataset",
        "classes": ("a", "b", "c"),
        "data_root": str(root),
        "ann_file": "weak.txt",
        "allow_missing": True,
        "pipeline": [LOAD[0], LABELS[-1]],
    }
    write_ids(root, "unlabeled", (6, 7))
    assert check(cfg) == []
    expect(check(cfg, "full"), "mask-values", "masks/0.png: ")


def test_labelled_images_of_nothing_but_ignored_pixels(root):
    for i in range(4):
        save(root / f"masks/{i}.png", np.full((8, 12), 255, np.uint8))
    found = check(config(root), "full")
    assert [kind for kind, _ in found] == ["missing-class"] * 3


def test_numbers_of_the_config(root):
    cfg = config(root)
    cfg.train_dataloader.batch_size = 5
    expect(check(cfg), "config", "batch_size=5 is no multiple of 2")
    cfg = config(root)
    head = {"num_classes": 4}
    cfg.model = {
        "segmentor": {"decode_head": {"num_classes": 3}, "auxiliary_head": [head]}
    }
    where = "model.segmentor.auxiliary_head.0.num_classes=4"
    expect(check(cfg), "config", where, "has 3 classes: a, b, c")
    cfg = config(root)
    cfg.val_dataloader.dataset.metainfo.classes = ("a", "b")
    cfg.test_dataloader = None
    expect(check(cfg), "config", "classes differ between labeled and validation")


def test_plain_mmseg_config(root):
    cfg = config(root)
    labeled = cfg.train_dataloader.dataset.sources.labeled
    both = {"type": "ConcatDataset", "datasets": [labeled, labeled]}
    cfg.train_dataloader = {"dataset": both, "sampler": {"type": "InfiniteSampler"}}
    report = checks.check_data(cfg, "full", workers=1)
    assert [(p.name, len(p.items)) for p in report.parts] == [
        ("labeled", 8),
        ("validation", 2),
    ]
    assert report.problems == []


def test_long_reports_are_cut(root):
    for i in range(4):
        (root / f"masks/{i}.png").unlink()
    report = checks.check_data(config(root))
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
def test_ignored_labels_of_heads_and_metrics(root, stated):
    cfg = config(root)
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


def test_a_class_that_no_mask_shows_is_warned_of(root):
    for i in range(4):
        mask = np.full((8, 12), 255 if i else 0, np.uint8)
        mask[0] = 2
        save(root / f"masks/{i}.png", mask)
    report = checks.check_data(config(root))
    assert not report.problems
    (warning,) = report.warnings
    assert warning.text == "no labelled image shows 'b' (class 1)"
    assert "no labelled image shows 'b'" in report.text()


def test_masks_are_read_until_all_classes_were_seen(root, monkeypatch):
    monkeypatch.setattr(labels, "FEW", 2)
    assert not checks.check_data(config(root)).warnings
    for i in range(4):
        mask = np.full((8, 12), i % 2, np.uint8)
        mask[0] = 2
        save(root / f"masks/{i}.png", mask)
    (warning,) = checks.check_data(config(root)).warnings
    assert warning.text.startswith("none of 2 labelled images shows 'b' (class 1); the")
