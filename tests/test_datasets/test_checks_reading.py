"""The check names images that are read otherwise than their owner may think."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmseg_semisup.datasets.checks.files import check_header
from mmseg_semisup.datasets.checks.parts import Item, Part
from mmseg_semisup.datasets.checks.reading import disagreements, doubts
from mmseg_semisup.datasets.image_headers import Reader

UNTURNED = Reader("color_ignore_orientation")


def image(folder, name, orientation=1, size=(30, 24), mode="RGB", **options):
    path = folder / name
    exif = Image.Exif()
    exif[274] = orientation
    entry = {"tiffinfo": {274: orientation}} if name.endswith("tif") else {"exif": exif}
    Image.new(mode, size).save(path, **entry, **options)
    return str(path)


def part(name, *items):
    return Part(name, None, list(items), any(i.mask for i in items), True)


def headers(*items):
    found = {}
    for item in items:
        assert check_header(item, found) == []
    return found


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_image_and_mask_of_the_turned_size_fit(tmp_path, kind, orientation):
    path = image(tmp_path, f"a.{kind}", orientation)
    size = (24, 30) if orientation == 6 else (30, 24)
    mask = tmp_path / "mask.png"
    Image.new("L", size).save(mask)
    assert check_header(Item(path, str(mask))) == []
    Image.new("L", (7, 7)).save(mask)
    (problem,) = check_header(Item(path, str(mask)))
    assert problem.kind == "mask-size"


@pytest.mark.parametrize(
    ("readers", "orientation", "count"),
    [
        ((Reader(), UNTURNED), 6, 2),
        ((Reader(), UNTURNED), 3, 2),
        ((Reader(), UNTURNED), 1, 0),
        ((Reader(), Reader("color", "pillow")), 6, 0),
        ((Reader(), Reader()), 6, 0),
        ((Reader(), None), 6, 0),
    ],
)
def test_sources_that_turn_differently(tmp_path, readers, orientation, count):
    paths = [image(tmp_path, f"{i}.jpg", orientation) for i in range(2)]
    items = [Item(p, reader=r) for p, r in zip(paths, readers, strict=True)]
    parts = [part("labeled", items[0]), part("unlabeled", items[1])]
    known = headers(Item(paths[0]), Item(paths[1]))
    found = disagreements(parts, known)
    assert [p.kind for p in found] == ["orientation"] * count
    for problem, path in zip(found, paths, strict=False):
        assert problem.text.startswith(f"{path} has an entry")
        assert "labeled (color, cv2) turns it" in problem.text


@pytest.mark.parametrize(
    ("orientation", "size", "doubted"),
    [(1, (8, 8), 0), (3, (30, 24), 1), (6, (8, 8), 1), (6, (30, 24), 0)],
)
def test_masks_that_may_not_be_turned(tmp_path, orientation, size, doubted):
    path = image(tmp_path, "a.jpg", orientation, size)
    mask = tmp_path / "mask.png"
    Image.new("L", size if orientation < 5 else size[::-1]).save(mask)
    item = Item(path, str(mask))
    found = list(doubts([part("labeled", item)], headers(item)))
    assert [p.kind for p in found] == ["turned"] * doubted
    plain = Item(path)
    assert not list(doubts([part("unlabeled", plain)], headers(plain)))


def test_parts_that_are_not_read(tmp_path):
    again = [Image.fromarray(np.full((24, 30, 3), 9, np.uint8))]
    paths = [
        image(tmp_path, "animated.webp", save_all=True, append_images=again),
        image(tmp_path, "transparent.png", mode="RGBA"),
        image(tmp_path, "usual.png"),
    ]
    items = [Item(path) for path in paths]
    # An image of several sources is told of once.
    parts = [part("labeled", *items), part("unlabeled", *items)]
    first, second = doubts(parts, headers(*items))
    assert "animated.webp: several frames" in first.text
    assert "transparent.png: transparency" in second.text
