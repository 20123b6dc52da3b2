"""What plain configs may state, each trained for two steps with two methods."""

from __future__ import annotations

import copy

import cv2
import mmseg.datasets.transforms as transforms
import numpy as np
import pytest
from mmseg.models import SegDataPreProcessor
from mmseg_trial import train
from plain_configs import (
    CLASSES,
    COLOURS,
    CROP,
    FLIP,
    LOAD,
    MASKS,
    PACK,
    PIPELINE,
    draw_images,
    plain_config,
)

from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import ConfigError

METHODS = ("cutmix", "adv_semi_seg")
TRAINED = ("cutmix", pytest.param("adv_semi_seg", marks=pytest.mark.slow))
SEGFORMER = {
    "backbone": {
        "type": "MixVisionTransformer",
        "embed_dims": 8,
        "num_layers": [1, 1, 1, 1],
        "num_heads": [1, 1, 1, 1],
        "mlp_ratio": 2,
        "drop_path_rate": 0.1,
    },
    "decode_head": {
        "type": "SegformerHead",
        "in_channels": [8, 8, 8, 8],
        "in_index": [0, 1, 2, 3],
        "channels": 8,
        "num_classes": 2,
        "norm_cfg": {"type": "SyncBN", "requires_grad": True},
        "loss_decode": {"type": "CrossEntropyLoss"},
    },
}
RULES = {
    "custom_keys": {
        "pos_block": {"decay_mult": 0.0},
        "norm": {"decay_mult": 0.0},
        "head": {"lr_mult": 10.0},
    }
}
OF_MMSEG = (MASKS, CROP, COLOURS, PACK)
AMP = {"type": "AmpOptimWrapper", "optimizer": {"type": "SGD", "lr": 0.01}}
RESIZE = {
    "type": "RandomResize",
    "scale": (64, 64),
    "ratio_range": (0.5, 2.0),
    "keep_ratio": True,
}
CHOICE = {
    "type": "RandomChoice",
    "transforms": [[RESIZE, CROP], [CROP], [COLOURS, CROP]],
}
APPLY = {"type": "RandomApply", "transforms": [COLOURS, FLIP], "prob": 0.5}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    draw_images(root)
    (root / "small").mkdir()
    rng = np.random.default_rng(0)
    for i in range(2):
        image = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
        cv2.imwrite(str(root / "small" / f"{i}.jpg"), image)
    return root


def segformer(data, **changes):
    cfg = plain_config(data, **changes)
    for part, network in SEGFORMER.items():
        cfg.model[part] = copy.deepcopy(network)
    if "optim_wrapper" not in changes:
        cfg.optim_wrapper.optimizer.weight_decay = 0.01
        cfg.optim_wrapper.paramwise_cfg = RULES
    dataset = cfg.train_dataloader.dataset
    if "data_root" in dataset:
        dataset.data_root = str(data / "train")
    return cfg


def steps(*between):
    """A pipeline with these transforms between loading and packing."""
    return {
        "train_dataloader": {"dataset": {"pipeline": [LOAD, MASKS, *between, PACK]}}
    }


def losses(*cfgs):
    return lambda cfg: cfg.model.decode_head.update(loss_decode=list(cfgs))


def hard_pixels(cfg):
    cfg.model.decode_head.sampler = {
        "type": "OHEMPixelSampler",
        "thresh": 0.7,
        "min_kept": 100,
    }


def preprocessor(**changes):
    def change(cfg):
        known = cfg.model.data_preprocessor
        known.update(changes)
        for key in [k for k, v in changes.items() if v is None]:
            known.pop(key)

    return change


def top_level_preprocessor(cfg):
    cfg.data_preprocessor = cfg.model.pop("data_preprocessor")


def stale_top_level_preprocessor(cfg):
    cfg.data_preprocessor = dict(type="SegDataPreProcessor", mean=[1.0] * 3)


def repeated(cfg):
    dataset = cfg.train_dataloader.dataset
    repeat = {"type": "RepeatDataset", "times": 5, "dataset": dataset}
    cfg.train_dataloader.dataset = repeat


def concatenated(cfg):
    dataset = cfg.train_dataloader.dataset
    several = {"type": "ConcatDataset", "datasets": [dataset, dataset]}
    cfg.train_dataloader.dataset = several


def mixed(cfg):
    mosaic = {"type": "RandomMosaic", "prob": 0.5, "img_scale": (40, 48)}
    inner = {**cfg.train_dataloader.dataset, "pipeline": [LOAD, MASKS]}
    cfg.train_dataloader.dataset = {
        "type": "MultiImageMixDataset",
        "dataset": inner,
        "pipeline": [mosaic, *PIPELINE[2:]],
    }


def classes_as_types(cfg):
    cfg.model.data_preprocessor.type = SegDataPreProcessor
    crop = {**CROP, "type": transforms.RandomCrop}
    pack = {"type": transforms.PackSegInputs}
    cfg.train_dataloader.dataset.pipeline = [LOAD, MASKS, crop, FLIP, COLOURS, pack]


def scoped_types(cfg):
    cfg.model.data_preprocessor.type = "mmseg.SegDataPreProcessor"
    cfg.model.update(type="mmseg.EncoderDecoder", _scope_="mmseg")
    scoped = [
        {**step, "type": f"{'mmseg' if step in OF_MMSEG else 'mmcv'}.{step['type']}"}
        for step in PIPELINE
    ]
    cfg.train_dataloader.dataset.pipeline = scoped


def averaging(cfg):
    cfg.custom_hooks = [dict(type="EMAHook")]


def layer_decay(cfg):
    cfg.model.backbone = {
        "type": "BEiT",
        "img_size": (32, 40),
        "patch_size": 8,
        "embed_dims": 8,
        "num_layers": 2,
        "num_heads": 2,
        "mlp_ratio": 2,
        "out_indices": (1,),
        "qv_bias": True,
        "init_values": 0.1,
    }
    cfg.model.decode_head = {
        **cfg.model.decode_head,
        "type": "FCNHead",
        "in_channels": 8,
        "in_index": 0,
        "num_convs": 1,
    }
    cfg.model.test_cfg = {"mode": "slide", "crop_size": (32, 40), "stride": (8, 16)}
    cfg.optim_wrapper = {
        "type": "OptimWrapper",
        "constructor": "LayerDecayOptimizerConstructor",
        "optimizer": {"type": "AdamW", "lr": 1e-4, "weight_decay": 0.05},
        "paramwise_cfg": {"num_layers": 2, "layer_decay_rate": 0.9},
    }


VARIANTS = {
    "plain": {},
    "amp": {"optim_wrapper": AMP},
    "amp, static scale": {"optim_wrapper": {**AMP, "loss_scale": 512.0}},
    "amp, bfloat16": {"optim_wrapper": {**AMP, "dtype": "bfloat16"}},
    "accumulation": {
        "optim_wrapper": {"accumulative_counts": 4, "clip_grad": {"max_norm": 1.0}}
    },
    "layer decay": layer_decay,
    "default sampler": {"train_dataloader": {"sampler": {"type": "DefaultSampler"}}},
    "indices": {"train_dataloader": {"dataset": {"indices": 2}}},
    "loader": {
        "train_dataloader": {
            "drop_last": True,
            "pin_memory": False,
            "batch_sampler": {"type": "InfiniteBatchSampler"},
        }
    },
    "repeated": repeated,
    "concatenated": concatenated,
    "mixed": mixed,
    "classes as types": classes_as_types,
    "scoped types": scoped_types,
    "averaging hook": averaging,
    "sigmoid": losses({"type": "CrossEntropyLoss", "use_sigmoid": True}),
    "several losses": losses(
        {"type": "CrossEntropyLoss", "loss_name": "loss_ce"},
        {"type": "DiceLoss", "loss_name": "loss_dice", "loss_weight": 3.0},
        {"type": "LovaszLoss", "loss_name": "loss_lovasz", "reduction": "none"},
    ),
    "tversky": losses({"type": "TverskyLoss"}),
    "hausdorff": losses({"type": "HuasdorffDisstanceLoss"}),
    "ohem": hard_pixels,
    "no size": preprocessor(size=None),
    "divisor": preprocessor(size=None, size_divisor=32),
    "top-level preprocessor": top_level_preprocessor,
    "stale top-level preprocessor": stale_top_level_preprocessor,
    "resize": steps({"type": "Resize", "scale": (40, 32)}, FLIP),
    "random resize": steps(RESIZE, CROP, FLIP, {"type": "Pad", "size": (32, 40)}),
    "rotation": steps(CROP, {"type": "RandomRotate", "prob": 1.0, "degree": 20}),
    "rotation or flip": steps({"type": "RandomRotFlip"}, CROP),
    "cutout": steps(
        CROP,
        {"type": "RandomCutOut", "prob": 1.0, "n_holes": 2, "cutout_shape": (5, 5)},
    ),
    "clahe": steps(CROP, {"type": "CLAHE"}),
    "gamma": steps({"type": "AdjustGamma"}, CROP),
    "rerange": steps(CROP, {"type": "Rerange"}),
    "multiple": steps(CROP, {"type": "ResizeToMultiple", "size_divisor": 32}),
    "choice": steps(CHOICE, FLIP),
    "apply": steps(CROP, APPLY),
    "edges": steps(CROP, {"type": "GenerateEdge", "edge_width": 4}),
    "colours first": steps(COLOURS, CROP, FLIP),
    "noise": steps(CROP, {"type": "BioMedicalGaussianNoise", "prob": 1.0}),
    "pillow": {
        "train_dataloader": {
            "dataset": {
                "pipeline": [{**LOAD, "imdecode_backend": "pillow"}, *PIPELINE[1:]]
            }
        }
    },
    "float": {
        "train_dataloader": {
            "dataset": {"pipeline": [{**LOAD, "to_float32": True}, *PIPELINE[1:]]}
        }
    },
}
"""Name to changes of the config, or a function that changes it."""


def variant(data, name):
    change = VARIANTS[name]
    if isinstance(change, dict):
        return segformer(data, **change)
    cfg = segformer(data)
    change(cfg)
    return cfg


@pytest.mark.parametrize("method", TRAINED)
@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_trains_and_predicts(name, method, data):
    plain = variant(data, name)
    cfg = compose(plain, method, [str(data / "train" / "images")])
    assert compose(cfg)._cfg_dict == cfg._cfg_dict
    found = train(cfg, plain.optim_wrapper)
    assert found["rates"] == 0
    assert found["read"] == 0
    assert found["loss"] <= 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_unlabelled_images_smaller_than_the_crop(method, data):
    plain = segformer(data)
    found = train(compose(plain, method, [str(data / "small")]), plain.optim_wrapper)
    assert found["read"] == 0


def test_the_scale_of_amp_is_reported(data):
    cfg = compose(variant(data, "amp, static scale"), "cutmix", "photos")
    assert "the loss scale adapts itself, instead of loss_scale=512.0" in (
        cfg.composed.notes
    )


def test_the_averaging_hook_gives_way_to_a_teacher(data):
    with_teacher, without = (
        compose(variant(data, "averaging hook"), method, "photos") for method in METHODS
    )
    assert "EMAHook" not in str(with_teacher.custom_hooks)
    assert "EMAHook" in str(without.custom_hooks)


def test_epochs_stay_epochs(data):
    plain = segformer(data)
    plain.train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=3, val_interval=1)
    cfg = compose(plain, "cutmix", "photos")
    assert cfg.train_cfg == plain.train_cfg
    assert cfg.train_dataloader.sampler.epoch == "labeled"


def without_pack(cfg):
    cfg.train_dataloader.dataset.pipeline = PIPELINE[:-1]


def volumes(cfg):
    flip = {"type": "BioMedical3DRandomFlip", "prob": 0.5, "axes": (0, 1)}
    cfg.train_dataloader.dataset.pipeline = [LOAD, MASKS, flip, PACK]


@pytest.mark.parametrize(
    ("change", "method", "message"),
    [
        (without_pack, "cutmix", "ends with 'PhotoMetricDistortion'"),
        (volumes, "cutmix", "BioMedical3DRandomFlip moves pixels is not known"),
        (
            lambda cfg: cfg.update(steps({"type": "Resize", "scale": (40, 32)})),
            "context_aware",
            "DrawTwoCrops needs the size of the labelled crops",
        ),
    ],
)
def test_what_cannot_be_composed_is_refused_in_one_line(change, method, message, data):
    cfg = segformer(data)
    if change in (without_pack, volumes):
        change(cfg)
    else:
        cfg.merge_from_dict(steps({"type": "Resize", "scale": (40, 32)}))
    with pytest.raises(ConfigError, match=message) as error:
        compose(cfg, method, "photos")
    assert "\n" not in str(error.value)


def test_a_folder_of_labelled_images_alone_is_refused(data):
    plain = segformer(data)
    plain.train_dataloader.dataset.data_root = str(data / "val")
    cfg = compose(plain, "cutmix", [str(data / "val" / "images")])
    with pytest.raises(ValueError, match="unlabelled images|no image is left"):
        train(cfg, plain.optim_wrapper)


def test_one_channel_for_two_classes_is_refused(data):
    plain = segformer(data)
    plain.model.decode_head.update(num_classes=2, out_channels=1)
    cfg = compose(plain, "cutmix", [str(data / "train" / "images")])
    with pytest.raises(ValueError, match="out_channels=1"):
        train(cfg, plain.optim_wrapper)


def test_classes_are_those_of_the_data(data):
    assert segformer(data).train_dataloader.dataset.classes == CLASSES
