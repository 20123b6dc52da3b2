from __future__ import annotations

import json

import numpy as np
import pytest
from annotated import draw_predictions, read
from PIL import Image

from mmseg_semisup.annotation_files import Labels
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.image_names import ImageNames
from mmseg_semisup.export import annotation_export
from mmseg_semisup.export.annotation_export import KINDS, Selection, export_masks
from mmseg_semisup.export.annotation_import import (
    import_masks,
    read_drawings,
)
from mmseg_semisup.export.mask_folders import read_mask_folder

NAMES = {"a.png": (20, 31), "sub/a.png": (33, 18), "sub/'b' <&>.png": (25, 25)}


def export(tmp_path, kind, *selection, ignored=None, **options):
    folder = read_mask_folder(tmp_path / "predictions")
    labels = Labels.of(folder.classes, folder.palette, ignored=ignored)
    lines: list[str] = []
    out = tmp_path / ("png" if kind == "png" else f"{kind}.out")
    chosen = Selection(*selection)
    found = export_masks(
        folder, out, kind, labels, chosen, report=lines.append, **options
    )
    return out, labels, found


def masks_of(tmp_path, out, kind, labels):
    """The masks that an export holds, by image."""
    place = tmp_path / f"{kind}-masks"
    if kind == "png":
        out.rename(place)
    else:
        drawings = read_drawings(out, predictions=True)
        images = ImageNames(tmp_path / "photos")
        found = import_masks(drawings, images, tmp_path / kind, labels)
        assert found.problems == []
        place = tmp_path / kind / "masks"
    return {
        f"{path.relative_to(place).with_suffix('')}.png": read(path)
        for path in place.rglob("*.png")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(tmp_path, kind):
    masks = draw_predictions(tmp_path, NAMES)
    out, labels, problems = export(tmp_path, kind)
    assert problems == {}
    found = masks_of(tmp_path, out, kind, labels)
    assert found.keys() == masks.keys()
    for name, mask in masks.items():
        assert np.array_equal(found[name], mask), name
    left = {p.name for p in tmp_path.iterdir()} - {"photos", "predictions", kind}
    assert (
        left
        == {
            "cvat": {"cvat.out", "cvat.labels.json"},
            "label-studio": {"label-studio.out", "label-studio.config.xml"},
            "coco": {"coco.out"},
            "png": {"png-masks"},
        }[kind]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_unsure_pixels_and_small_regions(tmp_path, kind):
    masks = draw_predictions(tmp_path, NAMES)
    out, labels, _ = export(tmp_path, kind, 0.5, ignored="unsure")
    found = masks_of(tmp_path, out, kind, labels)
    for name, mask in masks.items():
        level = read(tmp_path / "predictions" / "confidence" / name)
        expected = np.where(level >= 128, mask, 255)
        assert (expected == 255).any()
        assert np.array_equal(found[name], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_small_regions_are_left_out(tmp_path, kind):
    draw_predictions(tmp_path, {"a.png": (12, 12)}, confidence=False)
    mask = np.zeros((12, 12), np.uint8)
    mask[1, 1] = mask[2, 2] = 1
    mask[5:8, 5:8] = 1
    mask[10, 10] = 2
    Image.fromarray(mask).save(tmp_path / "predictions" / "masks" / "a.png")
    out, labels, _ = export(tmp_path, kind, 0.0, 3)
    found = masks_of(tmp_path, out, kind, labels)["a.png"]
    nothing = 255 if kind == "png" else 0
    assert {found[1, 1], found[2, 2], found[10, 10]} == {nothing}
    assert (found[5:8, 5:8] == 1).all()


def test_scores(tmp_path):
    draw_predictions(tmp_path, NAMES)
    out, *_ = export(tmp_path, "label-studio")
    task = json.loads(out.read_text())[0]
    level = read(tmp_path / "predictions" / "confidence" / "a.png")
    prediction = task["predictions"][0]
    assert prediction["score"] == pytest.approx(level.mean() / 255, abs=1e-4)
    assert all(0 <= result["score"] <= 1 for result in prediction["result"])
    assert task["data"]["image"] == "/data/local-files/?d=a.png"
    out, *_ = export(tmp_path, "coco")
    first = json.loads(out.read_text())["annotations"][0]
    result = prediction["result"][0]
    assert first["score"] == result["score"]


@pytest.mark.parametrize("kind", KINDS)
def test_images_that_cannot_be_used_do_not_stop_the_others(tmp_path, kind):
    names = {f"{n}.png": (9, 8) for n in "abcde"}
    draw_predictions(tmp_path, names)
    (tmp_path / "photos" / "a.png").unlink()
    Image.new("RGB", (8, 10)).save(tmp_path / "photos" / "b.png")
    (tmp_path / "predictions" / "masks" / "c.png").write_bytes(b"")
    (tmp_path / "predictions" / "confidence" / "d.png").unlink()
    out, labels, problems = export(tmp_path, kind, 0.1)
    assert list(problems) == ["a", "b", "c", "d"]
    assert "No such file" in problems["a"]
    assert "has 8x9 pixels" in problems["b"]
    assert "the file is empty" in problems["c"]
    assert "make the masks with --confidence" in problems["d"]
    if kind == "png":
        assert [path.name for path in out.iterdir()] == ["e.png"]
    else:
        drawings = list(read_drawings(out, predictions=True))
        assert [drawing.name for drawing in drawings] == ["e.png"]


def test_values_that_are_no_class(tmp_path):
    draw_predictions(tmp_path, {"a.png": (5, 5)})
    mask = np.full((5, 5), 7, np.uint8)
    Image.fromarray(mask).save(tmp_path / "predictions" / "masks" / "a.png")
    _, _, problems = export(tmp_path, "coco")
    assert "a.png: the mask has the values [7]; allowed: 0 to 2" in problems["a"]


@pytest.mark.parametrize("kind", ["cvat", "png"])
def test_a_stopped_export_goes_on(tmp_path, monkeypatch, kind):
    draw_predictions(tmp_path, NAMES)
    whole, *_ = export(tmp_path, kind)
    expected = whole if kind == "png" else whole.read_bytes()
    if kind == "png":
        whole = whole.rename(tmp_path / "before")
    read_masks: list[str] = []
    real = annotation_export.read_mask

    def stopping(path):
        if "/predictions/masks/" in path:
            read_masks.append(path)
        if len(read_masks) == 2:
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr(annotation_export, "read_mask", stopping)
    with pytest.raises(KeyboardInterrupt):
        export(tmp_path, kind)
    (journal,) = tmp_path.glob("*.progress")
    with journal.open("ab") as file:
        file.write(b'{"id": "sub/a", "par')
    out, *_ = export(tmp_path, kind)
    assert ["/sub/" in path for path in read_masks] == [False, True, True, True]
    assert not journal.exists()
    if kind == "png":
        for path in whole.rglob("*.png"):
            again = out / path.relative_to(whole)
            assert again.read_bytes() == path.read_bytes()
    else:
        assert out.read_bytes() == expected


def test_another_export_begins_anew(tmp_path, monkeypatch):
    draw_predictions(tmp_path, NAMES)
    real = annotation_export.find_regions

    def stopping(*arguments):
        if arguments[3] == 5:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(annotation_export, "find_regions", stopping)
    with pytest.raises(KeyboardInterrupt):
        export(tmp_path, "coco", 0.0, 5)
    out, *_ = export(tmp_path, "coco", 0.0, 1)
    assert min(a["area"] for a in json.loads(out.read_text())["annotations"]) < 5


@pytest.mark.parametrize(
    ("values", "words"),
    [((1.5,), "confidence 1.5; allowed: 0 to 1"), ((0.0, 0), "smallest 0; allowed")],
)
def test_values_out_of_range(values, words):
    with pytest.raises(ConfigError, match=words):
        Selection(*values)
