"""Views whose colours are changed in the workers, or on the device."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS, MODELS
from PIL import Image
from torch.utils.data import DataLoader

from mmseg_semisup.datasets import MultiView, SourceSampler, branch_collate
from mmseg_semisup.datasets.batched_appearance import META

PACK = {"type": "PackSegInputs"}
COLOURS = [
    {"type": "ColorJitter", "brightness": 0.5, "prob": 0.8},
    {"type": "RandomGrayscale", "prob": 0.3, "keep_channels": True},
    {"type": "RandomGaussianBlur", "kernel_size": 13, "prob": 0.5},
]
SHARED = [
    {"type": "RandomCrop", "crop_size": (24, 32)},
    {"type": "RandomFlip", "prob": 0.5},
]
LATE = {"of": "weak", "transforms": [PACK], "device": COLOURS}
IN_WORKERS = {"weak": [PACK], "one": [*COLOURS, PACK], "two": [*COLOURS, PACK]}
ON_DEVICE = {"weak": [PACK], "one": LATE, "two": LATE}
OWN_PIXELS = {
    "weak": [PACK],
    "one": {"transforms": [PACK], "device": COLOURS},
    "two": [*COLOURS, PACK],
}
PREPROCESSOR = {
    "type": "SemiDataPreprocessor",
    "mean": [120.0, 110.0, 100.0],
    "std": [50.0, 60.0, 70.0],
    "bgr_to_rgb": True,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for index in range(6):
        coarse = generator.integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(coarse).resize((48, 40)).save(root / f"{index}.png")
        Image.new("L", (48, 40), index % 2).save(root / f"mask{index}.png")
    (root / "labeled.txt").write_text("0\n")
    return root


def loader(folder, views, workers=0, position=0, shared=SHARED):
    load = {"type": "LoadImageFromFile"}
    labeled = {
        "type": "BaseSegDataset",
        "data_root": str(folder),
        "ann_file": "labeled.txt",
        "img_suffix": ".png",
        "seg_map_suffix": ".png",
        "metainfo": {"classes": ("a", "b"), "palette": [[0] * 3] * 2},
        "pipeline": [load, *shared, PACK],
    }
    unlabeled = {
        "type": "UnlabeledDataset",
        "data_root": str(folder),
        "data_prefix": {"img_path": ""},
        "pipeline": [load, {"type": "MultiView", "shared": shared, "views": views}],
    }
    sources = {"labeled": labeled, "unlabeled": unlabeled}
    dataset = DATASETS.build({"type": "SemiDataset", "sources": copy.deepcopy(sources)})
    sampler = SourceSampler(dataset, {"labeled": 1, "unlabeled": 3}, seed=3)
    sampler.skip(position)
    options = {"num_workers": workers, "collate_fn": branch_collate}
    return iter(DataLoader(dataset, batch_size=8, sampler=sampler, **options))


def prepared(batch, **changes):
    preprocessor = MODELS.build({**PREPROCESSOR, **changes})
    return preprocessor(batch, training=True)


def assert_equal(first, second):
    assert first["inputs"].keys() == second["inputs"].keys()
    for name, images in first["inputs"].items():
        assert torch.equal(images, second["inputs"][name]), name


@pytest.mark.parametrize("views", [ON_DEVICE, OWN_PIXELS], ids=["of", "own"])
@pytest.mark.parametrize("size", [None, (32, 40)], ids=["fit", "padded"])
def test_the_views_are_those_of_the_workers(folder, views, size):
    changes = {} if size is None else {"size": size}
    batches = [loader(folder, one) for one in (IN_WORKERS, views)]
    changed = 0
    for _ in range(3):
        expected, found = (prepared(next(one), **changes) for one in batches)
        assert list(found["inputs"]) == list(expected["inputs"])
        for name, images in expected["inputs"].items():
            levels = (found["inputs"][name] - images).abs() * torch.tensor(
                PREPROCESSOR["std"]
            ).view(3, 1, 1)
            assert levels.max() < 2.01, name
            assert (levels > 0.5).float().mean() < 0.05, name
            changed += not torch.equal(images, expected["inputs"]["weak"])
            pairs = zip(
                found["data_samples"][name], expected["data_samples"][name], strict=True
            )
            for sample, other in pairs:
                assert sample.keys() == other.keys()
                for key in other.metainfo.keys() - {"homography"}:
                    assert sample.get(key) == other.get(key), key
                if name != "labeled":
                    assert torch.equal(sample.homography, other.homography)
    assert changed > 5


def test_the_pixels_of_a_view_are_sent_once(folder):
    batch = next(loader(folder, ON_DEVICE))
    assert list(batch["inputs"]) == ["labeled", "weak"]
    assert list(batch["data_samples"]) == ["labeled", "weak", "one", "two"]
    assert batch["inputs"]["weak"].dtype == torch.uint8
    sample = batch["data_samples"]["one"][0]
    assert sample.keys() == []
    assert sample.metainfo[META]["of"] == "weak"


def test_batches_do_not_depend_on_workers_and_positions(folder):
    plain = loader(folder, ON_DEVICE)
    batches = [next(plain) for _ in range(3)]
    with_workers = loader(folder, ON_DEVICE, workers=2)
    # As after a resume, which begins at a position of the stream.
    resumed = loader(folder, ON_DEVICE, position=16)
    for batch in batches:
        assert_equal(prepared(batch), prepared(next(with_workers)))
    assert_equal(prepared(batches[2]), prepared(next(resumed)))
    # Two views of an image, and images of one view, are changed by different numbers.
    first = prepared(batches[0])["inputs"]
    assert not torch.equal(first["one"], first["two"])


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ({"a": LATE}, "'a' has of='weak'; allowed: one of \\[\\]"),
        ({**ON_DEVICE, "b": {**LATE, "of": "one"}}, "of='one'; allowed.*'weak'"),
        ({"weak": [PACK], "b": {**LATE, "transforms": SHARED + [PACK]}}, "no transf"),
        (
            {"a": {"transforms": [PACK], "device": SHARED}},
            "RandomCrop of the view 'a' cannot .*; ColorJitter, RandomGrayscale",
        ),
        ({"a": {"transforms": []}}, "must end with PackSegInputs"),
        ({"a": {}}, "must end with PackSegInputs"),
        (5, "views=5; allowed: a dict"),
        ({5: [PACK]}, "a view is called 5; allowed: a text"),
        ({"a": 5}, "view 'a' has transforms=5; allowed: a list"),
        ({"a": ["PackSegInputs"]}, r"transforms=\['PackSegInputs'\]; allowed: a list"),
        ({"a": {"transforms": [PACK], "devices": []}}, "'a' has no 'devices'; allowed"),
        ({"a": {"transforms": [PACK], "device": PACK}}, "device={.*; allowed: a list"),
        ({"a": {"transforms": [PACK], "of": [5]}}, r"of=\[5\]; allowed: the name of"),
    ],
)
def test_mistakes_are_named(views, message):
    with pytest.raises(ValueError, match=message):
        MultiView(views)
