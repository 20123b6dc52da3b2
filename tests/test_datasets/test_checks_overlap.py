"""Images that a source has twice are named."""

from __future__ import annotations

from mmseg_semisup.datasets.checks.overlap import find_repeats
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
