"""A labelled image's pseudo-mask goes the way of its mask."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image

from mmseg_semisup.datasets import LoadPseudoMask

SIZE = (40, 56)


def write_indexed(path, labels):
    picture = Image.fromarray(labels, mode="P")
    picture.putpalette([(7 * i) % 256 for i in range(768)])
    picture.save(path)


@pytest.fixture
def data(tmp_path):
    """An image, its mask, and a store with a pseudo-mask of it: the mask plus one."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    mask = rng.integers(0, 3, SIZE, dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    write_indexed(tmp_path / "a_mask.png", mask)
    store = tmp_path / "store"
    (store / "masks").mkdir(parents=True)
    write_indexed(store / "masks/a.png", mask + 1)
    record = {"id": "a", "image": str(tmp_path / "a.png"), "size": SIZE}
    manifest = {
        "format": 1,
        "classes": list("abcd"),
        "palette": [[i, i, i] for i in range(4)],
        "images": [{**record, "masks": {"bytes": 0, "crc32": 0}}],
    }
    (store / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def loaded(data, image="a.png"):
    return {
        "img_path": str(data / image),
        "seg_map_path": str(data / "a_mask.png"),
        "seg_fields": [],
        "label_map": None,
        "reduce_zero_label": False,
    }


def pipeline(store, *transforms, pack="PackPseudoMask"):
    init_default_scope("mmseg")
    steps = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}]
    steps += [{"type": "LoadPseudoMask", "store": store}, *transforms, {"type": pack}]
    return Compose(steps)


def test_it_moves_as_the_mask_does(data):
    run = pipeline(
        str(data / "store"),
        {
            "type": "RandomResize",
            "scale": (70, 70),
            "ratio_range": (0.5, 1.5),
            "keep_ratio": True,
        },
        {"type": "RandomCrop", "crop_size": (24, 24)},
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "RandAugment", "num_ops": 3, "prob": 1.0},
    )
    for seed in range(8):
        np.random.seed(seed)
        sample = run(loaded(data))["data_samples"]
        mask, pseudo = sample.gt_sem_seg.data, sample.pseudo_sem_seg.data
        assert pseudo.dtype == mask.dtype
        assert pseudo.shape == mask.shape
        inside = mask != 255
        assert (pseudo[inside] == mask[inside] + 1).all()
        assert (pseudo[~inside] == 255).all()


def test_a_link_to_the_image_is_the_image(data):
    (data / "link.png").symlink_to(data / "a.png")
    sample = pipeline(str(data / "store"))(loaded(data, "link.png"))["data_samples"]
    assert sample.pseudo_sem_seg.data.max() == 3


def test_without_a_store_the_mask_stands_in(data):
    sample = pipeline(None)(loaded(data))["data_samples"]
    assert (sample.pseudo_sem_seg.data == sample.gt_sem_seg.data).all()


def test_an_image_that_the_store_does_not_have_is_named(data):
    (data / "b.png").write_bytes((data / "a.png").read_bytes())
    with pytest.raises(ValueError, match=r"no pseudo-mask of .*b\.png"):
        pipeline(str(data / "store"))(loaded(data, "b.png"))


def test_another_size_is_named(data):
    write_indexed(data / "store/masks/a.png", np.zeros((40, 50), np.uint8))
    with pytest.raises(ValueError, match=r"shape \(40, 50\), the image \(40, 56\)"):
        pipeline(str(data / "store"))(loaded(data))


def test_an_incomplete_store_is_named(data):
    (data / "store/manifest.json").unlink()
    with pytest.raises(ValueError, match=r"manifest\.json"):
        LoadPseudoMask(str(data / "store"))


def test_packing_needs_the_mask(data):
    init_default_scope("mmseg")
    run = Compose(
        [
            {"type": "LoadImageFromFile"},
            {"type": "LoadAnnotations"},
            {"type": "PackPseudoMask"},
        ]
    )
    with pytest.raises(ValueError, match="put LoadPseudoMask in front"):
        run(loaded(data))
