from __future__ import annotations

import numpy as np
import pytest
from annotated import CLASSES, draw_predictions, read

from mmseg_semisup.annotation_files import Drawing, Labels, Shape
from mmseg_semisup.annotation_files.shapes import rectangle
from mmseg_semisup.core.errors import ConfigError, DataError
from mmseg_semisup.datasets import FolderDataset
from mmseg_semisup.datasets.image_names import ImageNames
from mmseg_semisup.export.annotation_import import (
    count_images,
    import_masks,
    read_drawings,
)

LABELS = Labels.of(CLASSES)


def box(label="car", left=0, right=2):
    return Shape(label, lambda size: rectangle(left, 0, right, 3))


@pytest.fixture
def images(tmp_path):
    names = {"a.png": (5, 6), "x/b.png": (5, 6), "y/b.png": (5, 6), "x/c.png": (5, 6)}
    draw_predictions(tmp_path, names)
    return ImageNames(tmp_path / "photos")


def load(images, tmp_path, *drawings, **options):
    return import_masks(iter(drawings), images, tmp_path / "out", LABELS, **options)


def test_a_folder_that_trains(tmp_path, images):
    drawings = [Drawing("a.png", (5, 6), [box()]), Drawing("x/b.png", None, [])]
    before = (tmp_path / "photos" / "a.png").read_bytes()
    found = load(images, tmp_path, *drawings)
    assert (found.ids, found.problems) == (["a", "x/b"], [])
    assert (tmp_path / "photos" / "a.png").read_bytes() == before
    data = FolderDataset(
        classes=CLASSES,
        data_prefix={
            "img_path": str(tmp_path / "photos"),
            "seg_map_path": str(tmp_path / "out" / "masks"),
        },
        ann_file=str(tmp_path / "out" / "labeled.txt"),
        pipeline=[{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}],
    )
    assert len(data) == 2
    mask = data[0]["gt_seg_map"]
    assert mask.shape == (5, 6)
    assert mask.sum() == mask[:3, :2].sum() == 6
    assert not data[1]["gt_seg_map"].any()


def test_later_shapes_cover_earlier_ones(tmp_path, images):
    shapes = [box(), box(CLASSES[2], 1, 3), box("background", 2, 4)]
    load(images, tmp_path, Drawing("a.png", (5, 6), shapes))
    mask = read(tmp_path / "out" / "masks" / "a.png")
    assert mask[0].tolist() == [1, 2, 0, 0, 0, 0]


def test_what_cannot_be_used_is_named_in_a_line_each(tmp_path, images):
    found = load(
        images,
        tmp_path,
        Drawing("gone.png", (5, 6), [box()]),
        Drawing("z/b.png", (5, 6), [box()]),
        Drawing("a.png", (6, 5), [box()]),
        Drawing("x/c.png", (5, 6), [box(right=7)]),
        Drawing("x/b.png", (5, 6), [box("cra")]),
        Drawing("y/b.png", (5, 6), [box("cra"), box("cra"), box("\x1b[2J")]),
    )
    assert found.ids == []
    assert [problem.replace(str(tmp_path), "") for problem in found.problems] == [
        "gone.png: there is no such image in /photos",
        "z/b.png: several images have this name: x/b.png, y/b.png",
        "a.png: it was annotated with 5x6 pixels, and has 6x5 (width x height)",
        "x/c.png: 7x3 pixels at (0, 0) are not within the image of 6x5 (width x "
        "height)",
        "'cra' is no class; did you mean 'car'? there are background, car, "
        "<b> & 'tree' (in 2 images, left out)",
        "'\\x1b[2J' is no class; there are background, car, <b> & 'tree' (in 1 images, "
        "left out)",
    ]
    assert not (tmp_path / "out").exists()


def test_an_image_that_is_there_twice_or_has_a_mask(tmp_path, images):
    drawing = Drawing("a.png", (5, 6), [box()])
    found = load(images, tmp_path, drawing, drawing._replace(shapes=[]))
    assert found.ids == ["a"]
    assert "twice; the first one counts" in found.problems[0]
    with pytest.raises(ConfigError, match="labeled.txt exists; --force"):
        load(images, tmp_path, drawing)
    (tmp_path / "out" / "labeled.txt").unlink()
    found = load(images, tmp_path, drawing._replace(shapes=[]))
    assert "a.png exists; --force writes over it" in found.problems[0]
    assert read(tmp_path / "out" / "masks" / "a.png").any()
    load(images, tmp_path, drawing._replace(shapes=[]), force=True)
    assert not read(tmp_path / "out" / "masks" / "a.png").any()


def test_an_import_goes_on_where_it_was_stopped(tmp_path, images):
    first, second = (Drawing(name, (5, 6), [box()]) for name in ("a.png", "x/b.png"))

    def stopped():
        yield first
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_masks(stopped(), images, tmp_path / "out", LABELS)
    mask = tmp_path / "out" / "masks" / "a.png"
    before = (mask.stat().st_ino, mask.stat().st_mtime_ns)
    assert not (tmp_path / "out" / "labeled.txt").exists()
    found = load(images, tmp_path, first, second)
    assert (found.ids, found.problems) == (["a", "x/b"], [])
    assert (mask.stat().st_ino, mask.stat().st_mtime_ns) == before
    # What stands in its place is no mask of it.
    (tmp_path / "out" / "labeled.txt").unlink()
    mask.unlink()
    mask.mkdir()
    found = load(images, tmp_path, first, second)
    assert found.ids == ["x/b"]
    assert "a.png exists; --force writes over it" in found.problems[0]


def test_a_file_that_is_damaged_behind_some_images(tmp_path, images):
    def drawings(number):
        yield from [Drawing("a.png", (5, 6), [box()])] * number
        raise DataError("it is cut off")

    with pytest.raises(DataError, match="it is cut off"):
        import_masks(drawings(0), images, tmp_path / "out", LABELS)
    found = import_masks(drawings(1), images, tmp_path / "out", LABELS)
    assert (found.ids, found.problems) == (["a"], ["what follows: it is cut off"])
    assert (tmp_path / "out" / "labeled.txt").read_text() == "a\n"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('<annotations><image id="0"/><image\nid="1"/></annotations>', 2),
        (' [{"data": {}}, {"data": {}}, {"data" : {}}]', 3),
        ('{"images": [{"file_name": "a"}]}', 1),
        ("what?", 0),
        ("", 0),
    ],
)
def test_numbers_of_images(tmp_path, text, count):
    (tmp_path / "a").write_text(text)
    assert count_images(tmp_path / "a") == count


def test_other_names_of_classes(tmp_path, images):
    shapes = [box("auto"), box("sky", 3, 4)]
    names = {"auto": "car", "sky": "none"}
    found = load(images, tmp_path, Drawing("a.png", (5, 6), shapes), names=names)
    assert found.problems == []
    assert read(tmp_path / "out" / "masks" / "a.png")[0].tolist() == [1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("background", ["none", "car"])
def test_pixels_without_annotation(tmp_path, images, background):
    labels = Labels.of(CLASSES, background=background)
    drawings = iter([Drawing("a.png", (5, 6), [box(CLASSES[2])])])
    import_masks(drawings, images, tmp_path / "out", labels)
    mask = read(tmp_path / "out" / "masks" / "a.png")
    expected = {"none": 255, "car": 1}[background]
    assert np.unique(mask).tolist() == sorted([2, expected])


@pytest.mark.parametrize("content", [None, "", "hello"])
def test_no_file_of_annotations(tmp_path, content):
    path = tmp_path / "a.txt"
    if content is not None:
        path.write_text(content)
    words = "there is no file" if content is None else "is no file of annotations; allo"
    with pytest.raises(DataError, match=words):
        read_drawings(path)
