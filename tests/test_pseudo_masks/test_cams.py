"""Class activation maps as pseudo-masks, against slow sums in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from helpers import PREPROCESSOR, tiny_segmentor
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.datasets.weak_labels import write_image_labels
from mmseg_semisup.models.classifiers import activation_maps, merge_maps, seed_labels
from mmseg_semisup.pseudo_masks import CamSettings, make_pseudo_masks

CLASSES = ("background", "cat", "dog")
PALETTE = [[0, 0, 0], [255, 0, 0], [0, 255, 0]]
SIZES = ((24, 32), (24, 32), (20, 16), (24, 32))


def test_maps_against_sums():
    torch.manual_seed(0)
    features = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    weight = torch.randn(3, 5, dtype=torch.float64)
    maps = activation_maps(features, weight)
    for n, c, y, x in np.ndindex(2, 3, 3, 4):
        total = sum(float(weight[c, d] * features[n, d, y, x]) for d in range(5))
        assert float(maps[n, c, y, x]) == pytest.approx(total, abs=1e-12)
    linear = features.mean(dim=(2, 3)) @ weight.t()
    torch.testing.assert_close(maps.mean(dim=(2, 3)), linear)


def bilinear(values, y, x):
    """A map between its pixels, whose centres lie at 0.5, 1.5, ..."""
    height, width = values.shape
    y, x = (min(max(p, 0), n - 1) for p, n in ((y, height), (x, width)))
    top, left = math.floor(y), math.floor(x)
    total = 0.0
    below, right = min(top + 1, height - 1), min(left + 1, width - 1)
    for row, share in ((top, top + 1 - y), (below, y - top)):
        for column, part in ((left, left + 1 - x), (right, x - left)):
            total += share * part * values[row, column]
    return total


def slow_labels(maps, size, present, foreground, background):
    """Place by place: the label and how sure it is."""
    scores = np.zeros((len(maps[0]), *size))
    for each in maps:
        for c, y, x in np.ndindex(len(each), *size):
            # Negative activation counts as none before anything is enlarged.
            clipped = np.maximum(each[c], 0)
            row = (y + 0.5) * each.shape[1] / size[0] - 0.5
            column = (x + 0.5) * each.shape[2] / size[1] - 0.5
            scores[c, y, x] += bilinear(clipped, row, column)
    for c in range(len(scores)):
        if scores[c].max() > 0:
            scores[c] /= scores[c].max()
    labels = np.full(size, 255)
    sure = np.zeros(size)
    for y, x in np.ndindex(*size):
        best, score = 0, 0.0
        for c in range(1, len(scores)):
            if present[c] and scores[c, y, x] > score:
                best, score = c, scores[c, y, x]
        if score > foreground:
            labels[y, x], sure[y, x] = best, score
        elif score < background:
            labels[y, x], sure[y, x] = 0, 1 - score
    return labels, sure


@pytest.mark.parametrize("present", [(1, 1, 1), (1, 0, 1), (1, 0, 0)])
def test_labels_against_a_slow_reference(present):
    torch.manual_seed(1)
    maps = [torch.randn(3, 4, 5), torch.randn(3, 7, 6)]
    shown = torch.tensor(present).float().view(3, 1, 1)
    shown[0] = 0
    merged = merge_maps([each * shown for each in maps], (9, 11))
    labels, sure = seed_labels(merged, 0.5, 0.2, 0)
    expected = slow_labels(
        [m.double().numpy() for m in maps], (9, 11), present, 0.5, 0.2
    )
    np.testing.assert_array_equal(labels.numpy(), expected[0])
    np.testing.assert_allclose(sure.numpy(), expected[1], atol=1e-6)
    if present[1] or present[2]:
        assert {0, 255} < set(labels.unique().tolist())
    else:
        assert not labels.any()


def test_without_a_background_low_activation_is_ignored():
    maps = torch.tensor([[[0.0, 0.2, 0.9]], [[0.1, 0.9, 0.95]]])
    labels, sure = seed_labels(maps, 0.5, 0.15, None)
    assert labels.tolist() == [[255, 1, 1]]
    assert sure.tolist() == [[0.0, pytest.approx(0.9), pytest.approx(0.95)]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four images of two sizes with masks, and lists."""
    root = tmp_path_factory.mktemp("cams")
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (root / name).mkdir()
    for i, size in enumerate(SIZES):
        image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(image).save(root / "images" / f"{i}.png")
        mask = np.zeros(size, np.uint8)
        mask[2:9, 3:12] = 1 + i % 2
        mask[0] = 255
        Image.fromarray(mask).save(root / "masks" / f"{i}.png")
    (root / "labeled.txt").write_text("0\n")
    (root / "rest.txt").write_text("1\n2\n3\n")
    labels = {"1": ["dog"], "2": ["cat", "dog"], "3": []}
    write_image_labels(root / "weak.json", labels, CLASSES)
    return root


def masks_source(folder, ids):
    return dict(
        type="BaseSegDataset",
        data_root=str(folder),
        data_prefix=dict(img_path="images", seg_map_path="masks"),
        metainfo=dict(classes=CLASSES, palette=PALETTE),
        img_suffix=".png",
        ann_file=ids,
        pipeline=[],
    )


def listed_source(folder, classes=CLASSES):
    return dict(
        type="WeakLabelDataset",
        classes=classes,
        ann_file="weak.json",
        data_root=str(folder),
    )


def config(folder, weak, num_classes=3, labeled=None):
    model = dict(
        type="MultiLabelMeanTeacher",
        classifier=dict(
            type="MultiLabelClassifier",
            backbone=tiny_segmentor()["backbone"],
            in_channels=16,
            num_classes=num_classes,
        ),
        data_preprocessor=dict(PREPROCESSOR, test_cfg=dict(size_divisor=7)),
    )
    sources = dict(labeled=labeled or masks_source(folder, "labeled.txt"), weak=weak)
    dataset = dict(type="SemiDataset", sources=sources)
    return Config(
        dict(default_scope="mmseg", model=model, train_dataloader=dict(dataset=dataset))
    )


def checkpoint(cfg, path, classes=CLASSES):
    init_default_scope("mmseg")
    torch.manual_seed(3)
    model = MODELS.build(cfg.model)
    torch.nn.init.normal_(model.classifier.fc.weight)
    meta = dict(dataset_meta=dict(classes=classes))
    torch.save(dict(meta=meta, state_dict=model.state_dict()), path)
    return path


def read(folder, name):
    return np.array(Image.open(folder / "masks" / f"{name}.png"))


def make(folder, out, weak, classes=CLASSES, cfg=None, data_cfg=None, **options):
    cfg = cfg or config(folder, weak, len(classes))
    path = checkpoint(cfg, out.with_suffix(".pth"), classes)
    options = {"scales": (1.0, 0.5), "batch_size": 2, **options}
    return make_pseudo_masks(cfg, path, out, CamSettings(**options), data_cfg)


def test_the_store_holds_the_maps_of_the_network(folder, tmp_path):
    manifest = make(folder, tmp_path / "store", listed_source(folder), confidence=True)
    assert [record["id"] for record in manifest["images"]] == ["1", "2", "3"]
    cfg = config(folder, None)
    model = MODELS.build(cfg.model).eval()
    state = torch.load(tmp_path / "store.pth", weights_only=True)["state_dict"]
    model.load_state_dict(state)
    model = model.double()
    model.data_preprocessor.float()
    for name, present in (("1", (1, 0, 1)), ("2", (1, 1, 1)), ("3", (1, 0, 0))):
        image = np.array(Image.open(folder / "images" / f"{name}.png"))
        # OpenCV loads blue first, and this network was not told to change that.
        blue_first = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)
        inputs = (blue_first - 127.0) / 64
        size = image.shape[:2]
        maps = []
        for scale in (1.0, 0.5):
            scaled = torch.nn.functional.interpolate(
                inputs[None].float(),
                [round(scale * n) for n in size],
                mode="bilinear",
                antialias=True,
            ).double()
            for flip in (False, True):
                seen = scaled.flip(-1) if flip else scaled
                features = model.classifier.backbone(seen)[-1]
                weight = model.classifier.fc.weight
                found = torch.einsum("cd,ndhw->nchw", weight, features)[0].detach()
                maps.append((found.flip(-1) if flip else found).numpy())
        labels, sure = slow_labels(maps, size, present, 0.3, 0.05)
        own = read(tmp_path / "store", name)
        assert np.mean(own != labels) < 0.005
        level = np.array(Image.open(tmp_path / "store" / "confidence" / f"{name}.png"))
        np.testing.assert_allclose(level / 255, sure, atol=0.02)
    assert not read(tmp_path / "store", "3").any()


def test_masks_and_lists_of_labels_give_the_same(folder, tmp_path):
    (folder / "same.json").write_text('{"1": ["dog"], "2": ["cat"], "3": ["dog"]}')
    listed = dict(listed_source(folder), ann_file="same.json")
    make(folder, tmp_path / "a", listed)
    make(folder, tmp_path / "b", masks_source(folder, "rest.txt"))
    for name in "123":
        np.testing.assert_array_equal(
            read(tmp_path / "a", name), read(tmp_path / "b", name)
        )


def test_classes_are_matched_by_name(folder, tmp_path):
    """The classifier has another order and no background; the list has another, too."""
    make(folder, tmp_path / "a", listed_source(folder))
    own = ("dog", "cat")
    order = ("dog", "background", "cat")
    cfg = config(folder, listed_source(folder, order), len(own))
    model = MODELS.build(cfg.model)
    state = torch.load(tmp_path / "a.pth", weights_only=True)["state_dict"]
    for name in ("classifier.fc.weight", "classifier.fc.bias"):
        state[name] = state[name][[CLASSES.index(c) for c in own]]
    model.load_state_dict(state)
    path = tmp_path / "b.pth"
    meta = dict(dataset_meta=dict(classes=own))
    torch.save(dict(meta=meta, state_dict=model.state_dict()), path)
    settings = CamSettings(scales=(1.0, 0.5), batch_size=2)
    manifest = make_pseudo_masks(cfg, path, tmp_path / "b", settings)
    assert manifest["classes"] == list(CLASSES)
    for name in "123":
        np.testing.assert_array_equal(
            read(tmp_path / "a", name), read(tmp_path / "b", name)
        )


def test_quality_leaves_ignored_pixels_out(folder, tmp_path):
    manifest = make(folder, tmp_path / "store", masks_source(folder, "rest.txt"))
    labels = [read(tmp_path / "store", name) for name in "123"]
    kept = sum(int((mask != 255).sum()) for mask in labels)
    assert 0 < kept < sum(mask.size for mask in labels)
    assert sum(manifest["pixels"].values()) == kept
    assert (tmp_path / "store" / "samples.png").is_file()


def test_the_store_is_a_source_of_the_training(folder, tmp_path):
    make(folder, tmp_path / "store", listed_source(folder))
    size = (16, 16)
    view = [dict(type="TakeCrop", which=0, crop_size=size), dict(type="PackPseudoMask")]
    steps = [
        dict(type="LoadImageFromFile"),
        dict(type="LoadPseudoMask", store=None),
        dict(
            type="MultiView",
            shared=[dict(type="DrawTwoCrops", crop_size=size)],
            views=dict(unlabeled=view),
        ),
    ]
    init_default_scope("mmseg")
    source = DATASETS.build(
        dict(type="PseudoMaskDataset", store=str(tmp_path / "store"), pipeline=steps)
    )
    np.random.seed(0)
    for i, name in enumerate("123"):
        sample = source[i]["data_samples"]["unlabeled"]
        assert "gt_sem_seg" not in sample
        left, top = (-sample.homography[:2, 2]).int().tolist()
        own = read(tmp_path / "store", name)[top : top + 16, left : left + 16]
        np.testing.assert_array_equal(sample.pseudo_sem_seg.data[0].numpy(), own)


def test_bad_input_is_named(folder, tmp_path):
    listed = listed_source(folder)
    with pytest.raises(StoreError, match=r"does not know the classes \['dog'\]"):
        make(folder, tmp_path / "a", listed, ("background", "cat"))
    unlabeled = dict(
        type="UnlabeledDataset",
        data_root=str(folder),
        data_prefix=dict(img_path="images"),
        exclude="source:labeled",
    )
    with pytest.raises(StoreError, match=r"no labels are known of .*1\.png"):
        make(folder, tmp_path / "b", unlabeled)
    more = listed_source(folder, (*CLASSES, "cow")) | {"allow_missing": True}
    with pytest.raises(StoreError, match=r"name the classes \['cow'\]"):
        make(folder, tmp_path / "c", more)
    with pytest.raises(StoreError, match=r"sources=\['strong'\]"):
        make(folder, tmp_path / "d", listed, sources=["strong"])
    plain = config(folder, listed)
    plain.model = dict(type="SemiSegmentor", segmentor=tiny_segmentor())
    path = tmp_path / "plain.pth"
    torch.save(dict(meta=dict(dataset_meta=dict(classes=CLASSES)), state_dict={}), path)
    with pytest.raises(StoreError, match="has no classifier"):
        make_pseudo_masks(plain, path, tmp_path / "e", CamSettings())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(foreground=0.1, background=0.2), "0 <= background <= foreground"),
        (dict(scales=()), "scales"),
        (dict(scales=(1.0, 0.0)), "scales"),
        (dict(network="both"), "network='both'"),
        (dict(batch_size=0), "batch_size=0"),
    ],
)
def test_bad_settings_are_named(options, message):
    with pytest.raises(StoreError, match=message):
        CamSettings(**options)
