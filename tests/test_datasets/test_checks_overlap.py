"""Images that a source has twice are named."""

from __future__ import annotations

from mmseg_semisup.datasets.checks.overlap import find_repeats, masks_as_images
from mmseg_semisup.datasets.checks.parts import Item, Part


def part(name, *paths):
    return Part(name, None, [Item(str(path)) for path in paths], False, True)


def test_an_image_twice_in_a_source(tmp_path):
    """Also by another path; the same image in two sources is no repeat."""
    images = [tmp_path / f"{i}.jpg" for i in range(3)]
    for image in images:
        image.touch()
    (tmp_path / "link").symlink_to(tmp_path)
    again = tmp_path / "link" / "0.jpg"
    labeled = part("labeled", *images, again, images[2], images[2])
    problems = find_repeats([labeled, part("unlabeled", *images)])
    assert [(p.kind, p.text) for p in problems] == [
        (
            "repeated",
            "labeled has 2 of its 3 images twice or more, and they count as often: "
            "0, 2",
        )
    ]


def masked(name, *pairs):
    items = [Item(str(image), str(mask)) for image, mask in pairs]
    return Part(name, None, items, True, True)


def test_masks_among_the_images_without(tmp_path):
    """Also those that no list names, where a folder has masks alone."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    labeled = masked("labeled", (images / "0.png", masks / "0.png"))
    wrong = part("unlabeled", images / "1.png", masks / "0.png", masks / "1.png")
    (problem,) = masks_as_images([labeled, wrong])
    assert problem.text.startswith("unlabeled has 2 masks among its 3 images: ")
    assert "masks/0.png" in problem.text
    assert not masks_as_images([labeled, part("unlabeled", images / "1.png")])


def test_images_beside_the_masks_are_no_masks(tmp_path):
    labeled = masked("labeled", (tmp_path / "0.jpg", tmp_path / "0.png"))
    assert not masks_as_images([labeled, part("unlabeled", tmp_path / "1.jpg")])
    wrong = part("unlabeled", tmp_path / "1.jpg", tmp_path / "0.png")
    (problem,) = masks_as_images([labeled, wrong])
    assert "has 1 masks among its 2 images" in problem.text
