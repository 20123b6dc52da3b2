"""A hundred ways in which files go bad: each is found at once, and the file is named.

At once: by the check in front of training, or when the file is read for the first time.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_semisup.datasets import SampleKey
from mmseg_semisup.datasets.checks import check_data
from test_datasets.test_semi_dataset import LOAD, PACK, config

NUMBER = int(os.environ.get("MMSEG_SEMISUP_CORRUPTIONS", "100"))
SIZE = (40, 48)
CLASSES = ("a", "b", "c")
Damage = Callable[[Path, np.random.Generator], None]


def save(path: Path, values: np.ndarray, kind: str = "PNG") -> None:
    Image.fromarray(values).save(path, kind)


def empty(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(b"")


def truncated(path: Path, rng: np.random.Generator) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.integers(1, len(content) - 12)])


def without_its_end(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(path.read_bytes()[: -int(rng.integers(2, 40))])


def web_page(path: Path, rng: np.random.Generator) -> None:
    path.write_text("<!DOCTYPE html><html>404 Not Found</html>")


def zeros(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def noise(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(b"\x01" + rng.bytes(path.stat().st_size))


def pointer(path: Path, rng: np.random.Generator) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9")


def missing(path: Path, rng: np.random.Generator) -> None:
    path.unlink()


def folder_instead(path: Path, rng: np.random.Generator) -> None:
    path.unlink()
    path.mkdir()


def dangling_link(path: Path, rng: np.random.Generator) -> None:
    path.unlink()
    path.symlink_to(path.with_name("gone"))


def value_out_of_range(path: Path, rng: np.random.Generator) -> None:
    values = np.zeros(SIZE, np.uint8)
    values[rng.integers(SIZE[0]), rng.integers(SIZE[1])] = rng.integers(3, 255)
    save(path, values)


def wrong_size(path: Path, rng: np.random.Generator) -> None:
    save(path, np.zeros((SIZE[0] + int(rng.integers(1, 9)), SIZE[1]), np.uint8))


def turned(path: Path, rng: np.random.Generator) -> None:
    save(path, np.zeros(SIZE[::-1], np.uint8))


def colours(path: Path, rng: np.random.Generator) -> None:
    save(path, rng.integers(0, 3, (*SIZE, 3), dtype=np.uint8))


def colours_and_alpha(path: Path, rng: np.random.Generator) -> None:
    save(path, np.zeros((*SIZE, 4), np.uint8))


def grey_and_alpha(path: Path, rng: np.random.Generator) -> None:
    Image.new("LA", SIZE[::-1]).save(path, "PNG")


def sixteen_bits(path: Path, rng: np.random.Generator) -> None:
    """Values whose lower 8 bits are a class."""
    save(path, np.full(SIZE, 256 * rng.integers(1, 200) + 1, np.uint16))


def photograph(path: Path, rng: np.random.Generator) -> None:
    """A JPEG under the name of a PNG: compression changed the class numbers."""
    values = rng.integers(0, 256, SIZE, dtype=np.uint8)
    values[0, 0] = 100
    save(path, values, "JPEG")


def wrong_type(path: Path, rng: np.random.Generator) -> None:
    """Floating-point numbers, as some programs export them."""
    buffer = io.BytesIO()
    Image.fromarray(np.full(SIZE, 0.5, np.float32)).save(buffer, "TIFF")
    path.write_bytes(buffer.getvalue())


FILE = [
    empty,
    truncated,
    without_its_end,
    web_page,
    zeros,
    noise,
    pointer,
    missing,
    folder_instead,
    dangling_link,
]
MASK = [
    *FILE,
    value_out_of_range,
    wrong_size,
    turned,
    colours,
    colours_and_alpha,
    grey_and_alpha,
    sixteen_bits,
    photograph,
    wrong_type,
]


def listed_but_missing(path: Path, rng: np.random.Generator) -> None:
    path.write_text(path.read_text() + "\nnowhere_7")


def binary(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(b"\xff\xfe\x00\xd8" + rng.bytes(40))


def unknown_class(path: Path, rng: np.random.Generator) -> None:
    path.write_text(json.dumps({"003": ["a"], "004": ["dragon"]}))


def unknown_image(path: Path, rng: np.random.Generator) -> None:
    path.write_text(json.dumps({"003": list(CLASSES), "nowhere": ["a"]}))


def other_form(path: Path, rng: np.random.Generator) -> None:
    path.write_text(
        json.dumps([["003", "a"], {"003": "abc"}, {"003": [1]}][rng.integers(3)])
    )


TARGETS: dict[str, tuple[list[str], list[Damage]]] = {
    "labelled image": ([f"img/{i:03d}.jpg" for i in range(3)], [*FILE, turned]),
    "mask": ([f"ann/{i:03d}.png" for i in range(3)], MASK),
    "unlabelled image": (["img/003.jpg", "img/004.jpg", "img/005.jpg"], FILE[:7]),
    "image of a pseudo-mask": (["pseudo/6.png", "pseudo/7.png"], [*FILE, wrong_size]),
    "pseudo-mask": (["store/masks/6.png", "store/masks/7.png"], MASK),
    "pseudo-mask beside a mask": ([f"own/masks/00{i}.png" for i in range(3)], MASK),
    "manifest": (["store/manifest.json"], [empty, truncated, web_page, missing]),
    "weakly labelled image": (["weak/0.png", "weak/1.png"], FILE[:7]),
    "image labels": (
        ["weak.json"],
        [empty, truncated, web_page, binary, unknown_class, unknown_image, other_form],
    ),
    "list of ids": (["labeled.txt"], [empty, binary, listed_but_missing, missing]),
}


def draw(number: int) -> tuple[str, str, Damage]:
    """The target, file and damage of a corruption; all targets come in turn."""
    rng = np.random.default_rng(number)
    target = list(TARGETS)[number % len(TARGETS)]
    files, damages = TARGETS[target]
    return target, files[rng.integers(len(files))], damages[rng.integers(len(damages))]


def png(
    path: Path, high: int, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path, rng.integers(0, high, shape, dtype=np.uint8))


def write_store(root: Path, images: dict[str, Path], rng: np.random.Generator) -> None:
    """A store of pseudo-masks as the tool writes it."""
    records = []
    for name, image in images.items():
        path = root / "masks" / f"{name}.png"
        png(path, 3, SIZE, rng)
        content = path.read_bytes()
        masks = {"bytes": len(content), "crc32": zlib.crc32(content)}
        records.append({"id": name, "image": str(image), "size": SIZE, "masks": masks})
    palette = [[i] * 3 for i in range(3)]
    content = {"format": 1, "classes": CLASSES, "palette": palette, "images": records}
    (root / "manifest.json").write_text(json.dumps(content))


def stock(root: Path) -> None:
    """Adds to the shared folder what the other sources read."""
    rng = np.random.default_rng(1)
    for name in ("6", "7"):
        png(root / "pseudo" / f"{name}.png", 256, (*SIZE, 3), rng)
    write_store(root / "store", {n: root / f"pseudo/{n}.png" for n in "67"}, rng)
    own = {f"00{i}": root / f"img/00{i}.jpg" for i in range(3)}
    write_store(root / "own", own, rng)
    for name in ("0", "1"):
        png(root / "weak" / f"{name}.png", 256, (*SIZE, 3), rng)
    (root / "weak.json").write_text(json.dumps({"0": ["a", "b"], "1": ["c"]}))


def loader(root: Path) -> dict:
    """The training data of all four kinds of sources."""
    dataset = config(root)
    labeled = dataset["sources"]["labeled"]
    steps = [dict(step) for step in labeled["pipeline"] if step != PACK]
    beside = {"type": "LoadPseudoMask", "store": str(root / "own")}
    steps.insert(2, beside)
    labeled["pipeline"] = [*steps, {"type": "PackPseudoMask"}]
    dataset["sources"] |= {
        "pseudo": {
            "type": "PseudoMaskDataset",
            "store": str(root / "store"),
            "pipeline": [LOAD, {"type": "LoadAnnotations"}, PACK],
        },
        "weak": {
            "type": "WeakLabelDataset",
            "classes": CLASSES,
            "data_root": str(root),
            "data_prefix": {"img_path": "weak"},
            "ann_file": "weak.json",
            "pipeline": [
                LOAD,
                {"type": "LoadImageLabels", "num_classes": 3},
                {"type": "PackImageLabels"},
            ],
        },
    }
    return {"train_dataloader": {"dataset": dataset}}


def found_by_check(cfg: dict) -> str:
    return "\n".join(problem.text for problem in check_data(cfg).problems)


def found_by_reading(cfg: dict) -> str:
    """The first error when each file is read once, as in a first epoch."""
    try:
        dataset = DATASETS.build(cfg["train_dataloader"]["dataset"])
        for source, part in dataset.sources.items():
            for index in range(len(part)):
                dataset[SampleKey(source, index, 0)]
    except (RuntimeError, ValueError) as error:
        return str(error)
    return ""


@pytest.fixture
def root(folder, tmp_path, monkeypatch):
    # MMEngine collects garbage for each dataset, which takes longer than all the rest.
    monkeypatch.setattr("gc.collect", lambda *_: 0)
    path = shutil.copytree(folder, tmp_path / "data")
    stock(path)
    return path


def test_whole_files_are_right(root):
    cfg = loader(root)
    assert found_by_check(cfg) == ""
    assert found_by_reading(cfg) == ""


def test_all_targets_and_kinds_are_drawn():
    drawn = {draw(number)[::2] for number in range(NUMBER)}
    assert {target for target, _ in drawn} == set(TARGETS)
    kinds = {damage for _, damages in TARGETS.values() for damage in damages}
    assert {damage for _, damage in drawn} == kinds


@pytest.mark.parametrize("number", range(NUMBER))
def test_a_corrupted_file_is_named_at_once(root, number):
    target, name, damage = draw(number)
    damage(root / name, np.random.default_rng(number))
    cfg = loader(root)
    error = found_by_check(cfg) or found_by_reading(cfg)
    path = Path(name)
    # Of a store, its folder and the id; of an id without a file, the id.
    named = path.stem if target == "pseudo-mask" else path.name
    named = "nowhere_7" if damage is listed_but_missing else named
    assert named in error, (target, damage.__name__, error)
    assert str(root) in error, (target, damage.__name__, error)


@pytest.mark.parametrize("damage", MASK, ids=lambda f: f.__name__)
def test_reading_alone_finds_every_bad_mask(root, damage):
    """Without the check in front of training: ``DataCheckHook(level='off')``."""
    damage(root / "ann/001.png", np.random.default_rng(0))
    assert "001.png" in found_by_reading(loader(root))
