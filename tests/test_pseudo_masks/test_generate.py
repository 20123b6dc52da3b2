from __future__ import annotations

import copy
import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image
from tiny_training import CLASSES

from mmseg_semisup.core import file_names
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import ConfigError, StoreError
from mmseg_semisup.export.plain_model import plain_model, plain_state
from mmseg_semisup.export.plain_model import test_pipeline as steps_of
from mmseg_semisup.export.predictor import Predictor, load_model
from mmseg_semisup.pseudo_masks import (
    Settings,
    list_items,
    load_predictor,
    make_pseudo_masks,
)
from mmseg_semisup.pseudo_masks import generate as generate_module
from mmseg_semisup.pseudo_masks import speed as speed_module
from mmseg_semisup.pseudo_masks import writer as writer_module


def read(path: Path) -> np.ndarray:
    return np.array(Image.open(path))


def masks(folder: Path) -> dict[str, np.ndarray]:
    return {p.stem: read(p) for p in sorted((folder / "masks").iterdir())}


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_masks_are_those_of_mmseg(make, cfg, checkpoint, tmp_path, network):
    manifest = make(network=network, mode="whole")
    assert len(manifest["images"]) == 6
    predict = Predictor(cfg, load_checkpoint_file(checkpoint), network)
    for record in manifest["images"]:
        own = Image.open(tmp_path / "store" / "masks" / f"{record['id']}.png")
        assert own.mode == "P"
        assert own.getpalette()[3:6] == [255, 0, 0]
        np.testing.assert_array_equal(np.array(own), predict(record["image"]).labels)
        assert list(np.array(own).shape) == record["size"]


def mmseg_probabilities(cfg, checkpoint, path, slide, flip, scales=(1.0,)):
    """What mmseg's own code says of one image, from its documented pieces."""
    model = load_model(cfg, load_checkpoint_file(checkpoint), "student").segmentor
    if slide:
        model.test_cfg = ConfigDict(mode="slide", crop_size=(16, 16), stride=(12, 12))
    data = Compose(steps_of(cfg))({"img_path": path})
    total, (height, width) = 0, data["inputs"].shape[-2:]
    passes = [(s, m) for s in scales for m in (False, True)[: 1 + flip]]
    for scale, mirrored in passes:
        image = data["inputs"].flip(-1) if mirrored else data["inputs"]
        sample = copy.deepcopy(data["data_samples"])
        size = (int(height * scale), int(width * scale))
        if scale != 1:
            image = F.interpolate(
                image[None].double(), size, mode="bilinear", align_corners=True
            )[0].float()
            sample.set_metainfo({"img_shape": size})
        preprocess = load_model(cfg, load_checkpoint_file(checkpoint), "student")
        batch = preprocess.data_preprocessor(
            dict(inputs=[image], data_samples=[sample]), False
        )
        with torch.inference_mode():
            result = model.predict(batch["inputs"], batch["data_samples"])[0]
        probs = result.seg_logits.data.softmax(0)
        total = total + (probs.flip(-1) if mirrored else probs)
    return total / len(passes)


SCALES = (0.5, 1.0, 1.75)


@pytest.mark.parametrize(
    ("slide", "flip", "scales"),
    [(True, False, (1.0,)), (False, True, (1.0,)), (False, True, SCALES)],
)
def test_windows_mirror_images_and_scales(
    make, cfg, checkpoint, tmp_path, slide, flip, scales
):
    window = dict(mode="slide", crop_size=(16, 16), stride=(12, 12)) if slide else {}
    manifest = make(flip=flip, scales=scales, confidence=True, **window)
    for record in manifest["images"]:
        seen = (record["image"], slide, flip, scales)
        probs = mmseg_probabilities(cfg, checkpoint, *seen)
        best, classes = probs.max(0)
        own = read(tmp_path / "store" / "masks" / f"{record['id']}.png")
        level = read(tmp_path / "store" / "confidence" / f"{record['id']}.png")
        sure = (probs.topk(2, 0)[0].diff(dim=0)[0].abs() > 1e-5).numpy()
        assert sure.mean() > 0.9
        np.testing.assert_array_equal(own[sure], classes.numpy()[sure])
        np.testing.assert_allclose(level, best.numpy() * 255, atol=0.51)
        assert record["mean_confidence"] == pytest.approx(float(best.mean()), abs=1e-4)


def test_plain_mmseg_checkpoint_gives_the_same(cfg, checkpoint, make, tmp_path):
    make()
    state = load_checkpoint_file(checkpoint)
    plain = tmp_path / "plain.pth"
    meta = {"dataset_meta": state["meta"]["dataset_meta"]}
    torch.save(
        {"state_dict": plain_state(state["state_dict"], "student"), "meta": meta}, plain
    )
    plain_cfg = copy.deepcopy(cfg)
    plain_cfg.model = plain_model(cfg)
    dataset = cfg.train_dataloader.dataset.sources.labeled
    plain_cfg.train_dataloader = dict(dataset=dataset)
    settings = Settings(sources=["train"], batch_size=2)
    make_pseudo_masks(plain_cfg, plain, tmp_path / "plain", settings)
    semi = masks(tmp_path / "store")
    for name, mask in masks(tmp_path / "plain").items():
        np.testing.assert_array_equal(mask, semi[name])
    with pytest.raises(ConfigError, match="network='teacher', but the"):
        make_pseudo_masks(
            plain_cfg,
            plain,
            tmp_path / "other",
            Settings(sources=["train"], network="teacher"),
        )


def test_manifest_counts(make, checkpoint, tmp_path):
    lines = []
    manifest = make(report=lines.append)
    assert manifest["classes"] == list(CLASSES)
    assert len(manifest["checkpoint"]) == 64
    found = masks(tmp_path / "store")
    counts = sum(np.bincount(m.ravel(), minlength=3) for m in found.values())
    assert list(manifest["pixels"].values()) == counts.tolist()
    means = [r["mean_confidence"] * np.prod(r["size"]) for r in manifest["images"]]
    assert manifest["mean_confidence"] == pytest.approx(sum(means) / counts.sum())
    assert {r["source"] for r in manifest["images"]} == {"labeled", "unlabeled"}
    assert "6/6 pseudo-masks" in lines[-1]
    assert "0 s left" in lines[-1]


def count_written(monkeypatch, fail_at: int | None = None) -> list[str]:
    """Note the masks that are written; from one on, the disk is full."""
    written: list[str] = []
    write = writer_module.atomic_write

    def noting(path, content):
        if fail_at is not None and len(written) >= fail_at:
            raise OSError(errno.ENOSPC, f"cannot write {path}: No space left on device")
        write(path, content)
        written.append(Path(path).stem)

    monkeypatch.setattr(writer_module, "atomic_write", noting)
    return written


def test_a_file_system_that_takes_two_masks_for_one(make, monkeypatch, tmp_path):
    monkeypatch.setattr(file_names, "_folded", lambda name: name.replace("1", "0"))
    monkeypatch.setattr(file_names, "_are_one", lambda *_: True)
    with pytest.raises(ConfigError, match="overwrite each other: 0 and 1; rename"):
        make()
    assert not list((tmp_path / "store").rglob("*.png"))


def test_full_disk_says_so_and_a_later_run_goes_on(make, monkeypatch, tmp_path):
    make("whole")
    monkeypatch.setattr(generate_module, "BATCHES_BEHIND", 0)
    first = count_written(monkeypatch, fail_at=5)
    with pytest.raises(StoreError, match=r"No space left.*the same command goes on"):
        make(threads=1)
    assert not (tmp_path / "store" / "manifest.json").exists()
    monkeypatch.undo()
    second = count_written(monkeypatch)
    make()
    assert len(first) == 5
    # Two finished batches of two stay; the third was in flight.
    assert sorted({*first[:4], *second}) == [str(i) for i in range(6)]
    assert len(second) == 2
    whole, resumed = masks(tmp_path / "whole"), masks(tmp_path / "store")
    for name, mask in whole.items():
        np.testing.assert_array_equal(mask, resumed[name])
    third = count_written(monkeypatch)
    make()
    assert third == []


def test_mask_that_vanished_is_made_again(make, monkeypatch, tmp_path):
    monkeypatch.setattr(generate_module, "_finish", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make()
    monkeypatch.undo()
    store = tmp_path / "store"
    (store / "masks" / "2.png").unlink()
    (store / "masks" / "3.png").write_bytes(b"half")
    (store / "masks" / ".partial-9.png-x").write_bytes(b"half")
    with (store / "progress" / "0.jsonl").open("ab") as journal:
        journal.write(b'{"batch": 0, "ima')
    before = set(masks_and_times(store))
    make()
    after = set(masks_and_times(store))
    assert len(before & after) >= 2
    assert not list((store / "masks").glob(".partial*"))
    assert not (store / "progress").exists()


def masks_and_times(store: Path) -> list[tuple[str, int, int]]:
    files = sorted((store / "masks").glob("*.png"))
    return [(f.name, os.stat(f).st_ino, os.stat(f).st_mtime_ns) for f in files]


def test_other_settings_are_refused_in_the_same_folder(make, tmp_path):
    make()
    with pytest.raises(StoreError, match="flip was false and is true"):
        make(flip=True)
    with pytest.raises(StoreError, match=r"scales was .* and is \[0\.5, 1\]"):
        make(scales=(0.5, 1))
    make("scaled", scales=(0.5, 1))
    with pytest.raises(StoreError, match=r"scales was \[0\.5, 1\] and is null"):
        make("scaled")
    with pytest.raises(StoreError, match=r"scales=\[0\]; allowed: numbers above 0"):
        make(scales=(0,))
    with pytest.raises(StoreError, match="sources was"):
        make(sources=("labeled",))
    foreign = tmp_path / "foreign" / "masks"
    foreign.mkdir(parents=True)
    (foreign / "x.png").touch()
    with pytest.raises(StoreError, match="nothing says how they were made"):
        make("foreign")


def test_bad_images_are_named(cfg, checkpoint, tmp_path, make):
    items, _ = list_items(cfg, ["labeled"])
    bad = tmp_path / "bad.jpg"
    content = Path(items[0].image).read_bytes()
    settings = Settings(sources=["images"])
    for text, message in ((content[:-60], "cut off"), (b"no image", "not an image")):
        bad.write_bytes(text)
        item = type(items[0])("bad", str(bad), "images")
        with pytest.raises(StoreError, match=rf"bad\.jpg: .*{message}"):
            make_pseudo_masks(
                cfg, checkpoint, tmp_path / "store", settings, items=[item]
            )


def test_classes_of_another_network(cfg, checkpoint, tmp_path):
    init_default_scope("mmseg")
    labeled = cfg.train_dataloader.dataset.sources.labeled
    labeled.metainfo = dict(classes=("ground", "dog", "cat"))
    with pytest.raises(StoreError, match="1: 'cat' instead of 'dog'"):
        make_pseudo_masks(cfg, checkpoint, tmp_path / "store", Settings())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(network="student2"), "network='student2'"),
        (dict(mode="slide"), "needs crop_size"),
        (dict(crop_size=(3, 3)), "is for mode='slide'"),
        (dict(batch_size=0), "batch_size=0"),
        (dict(sources=("labelled",)), "has the sources"),
        (dict(sources="labeled"), "give a list of names"),
    ],
)
def test_bad_settings(make, options, message):
    with pytest.raises((StoreError, ConfigError), match=message):
        make(**options)


def test_speed_is_that_of_one_process(cfg, checkpoint, tmp_path, monkeypatch):
    settings = Settings(sources=["labeled"])
    arguments = *load_predictor(cfg, checkpoint, settings), tmp_path, settings
    assert "relative to bare" in speed_module.measure_speed(*arguments)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(speed_module, "get_world_size", lambda: 2)
    with pytest.raises(StoreError, match="measures one process, and there are 2"):
        speed_module.measure_speed(*arguments)


def test_misspelt_setting():
    with pytest.raises(StoreError, match="did you mean 'confidence'"):
        Settings.from_dict({"confidense": True})
