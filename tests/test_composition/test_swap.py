"""A plain config gets another encoder; classes, losses and data stay."""

from __future__ import annotations

import copy

import pytest
from mmengine.config import Config
from mmseg.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS
from plain_configs import plain_config
from tiny_encoders import CONVNEXT, DINOV2, DINOV3

from mmseg_semisup.composition import compose, method_names, read_config
from mmseg_semisup.composition.record import Record
from mmseg_semisup.composition.swap import swap_encoder
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.stages import split_stages

OCR = "mmseg::ocrnet/ocrnet_hr18s_4xb2-40k_cityscapes-512x1024"
PID = "mmseg::pidnet/pidnet-s_2xb6-120k_1024x1024-cityscapes"
OHEM = "mmseg::deeplabv3/deeplabv3_r101-d16-mg124_4xb2-40k_cityscapes-512x1024"
BEIT = "mmseg::beit/beit-base_upernet_8xb2-160k_ade20k-640x640"
MAE = "mmseg::mae/mae-base_upernet_8xb2-amp-160k_ade20k-512x512"
VOC = "mmseg::pspnet/pspnet_r50-d8_4xb4-20k_voc12aug-512x512"
ISA = "mmseg::isanet/isanet_r50-d8_4xb2-40k_cityscapes-769x769"
MASKS = "mmseg::maskformer/maskformer_r50-d32_8xb2-160k_ade20k-512x512"
KNET = "mmseg::knet/knet-s3_r50-d8_fcn_8xb2-adamw-80k_ade20k-512x512"
POINTS = "mmseg::point_rend/pointrend_r50_4xb2-80k_cityscapes-512x1024"
DEPTH = "mmseg::vpd/vpd_sd_4xb8-25k_nyu-512x512"
DICE = "mmseg::unet/unet-s5-d16_fcn_4xb4-ce-1.0-dice-3.0-40k_stare-128x128"


def swapped(encoder="dinov2-small", config=None, **changes):
    plain = plain_config(**changes) if config is None else read_config(config)[0]
    record = Record()
    return Config(swap_encoder(plain._cfg_dict.to_dict(), encoder, record)), record


def crops(cfg):
    steps = cfg.train_dataloader.dataset.pipeline
    return [tuple(s.crop_size) for s in steps if s.type == "RandomCrop"]


def test_what_is_replaced_is_noted():
    cfg, record = swapped(model=dict(auxiliary_head=dict(type="FCNHead")))
    assert record.notes == [
        "encoder dinov2-small: TransformersBackbone, UniMatchDPTHead in place of "
        "ResNet, FCNHead, without auxiliary heads",
        "crops of 28x42 pixels in place of 32x40: multiples of the patch of 14",
        "tested images are padded to multiples of 14 pixels",
        "AdamW at 0.0002 for the head and 5e-06 for the encoder in place of SGD; its "
        "schedules end at 0",
    ]
    assert not {"auxiliary_head", "neck"} & set(cfg.model)


def test_the_plain_config_stays():
    plain = plain_config()._cfg_dict.to_dict()
    before = copy.deepcopy(plain)
    swap_encoder(plain, "dinov2-small", Record())
    assert plain == before


def test_classes_losses_and_data_stay():
    head = dict(
        num_classes=5,
        ignore_index=7,
        sampler=dict(type="OHEMPixelSampler", thresh=0.7),
        loss_decode=dict(class_weight=[1.0] * 5),
    )
    cfg, _ = swapped(model=dict(decode_head=head))
    plain = plain_config(model=dict(decode_head=head))
    for key in (*head, "loss_decode"):
        assert cfg.model.decode_head[key] == plain.model.decode_head[key]
    built = MODELS.build(cfg.model.decode_head)
    assert (built.ignore_index, built.sampler.thresh) == (7, 0.7)
    assert cfg.val_dataloader == plain.val_dataloader
    assert cfg.train_cfg == plain.train_cfg


def test_a_loss_that_is_not_stated_stays_the_heads_own():
    plain = plain_config()
    del plain.model.decode_head["loss_decode"]
    model = swap_encoder(plain._cfg_dict.to_dict(), "dinov2-small", Record())["model"]
    assert model["decode_head"]["loss_decode"]["type"] == "CrossEntropyLoss"


@pytest.mark.parametrize(
    ("encoder", "patch", "crop"),
    [("dinov2-small", 14, (28, 42)), ("dinov3-vits16", 16, (32, 48))],
)
def test_crops_and_windows_are_whole_patches(encoder, patch, crop):
    windows = dict(mode="slide", crop_size=(32, 40), stride=(32, 20))
    padded = plain_config().train_dataloader.dataset.pipeline
    padded.insert(3, dict(type="Pad", size=(32, 40)))
    nested = dict(type="RepeatDataset", times=2)
    nested["dataset"] = {**plain_config().train_dataloader.dataset, "pipeline": padded}
    loader = dict(dataset=dict(_delete_=True, **nested))
    changes = dict(model=dict(test_cfg=windows), train_dataloader=loader)
    cfg, _ = swapped(encoder, **changes)
    steps = cfg.train_dataloader.dataset.dataset.pipeline
    assert (steps[2].crop_size, steps[3].size) == (crop, crop)
    assert cfg.model.data_preprocessor["size"] == crop
    assert cfg.model.data_preprocessor.test_cfg == dict(size_divisor=patch)
    assert cfg.model.test_cfg.crop_size == crop
    assert cfg.model.test_cfg.stride == (min(32, crop[0]), 20)


def test_images_without_a_crop_are_padded_to_whole_patches():
    pipeline = plain_config().train_dataloader.dataset.pipeline
    del pipeline[2]
    cfg, record = swapped(train_dataloader=dict(dataset=dict(pipeline=pipeline)))
    assert cfg.model.data_preprocessor.size_divisor == 14
    assert "size" not in cfg.model.data_preprocessor
    assert not [note for note in record.notes if "crops" in note]


def test_a_crop_of_whole_patches_stays_without_a_note():
    cfg, record = swapped("dinov3-vits16", VOC)
    assert cfg.model.data_preprocessor["size"] == (512, 512)
    assert not [note for note in record.notes if "crops" in note]


@pytest.mark.parametrize("encoder", ["dinov3-convnext-tiny", "efficientnet-lite0"])
def test_encoders_of_any_size_keep_crops_and_padding(encoder):
    cfg, _ = swapped(encoder)
    plain = plain_config()
    assert crops(cfg) == crops(plain) == [(32, 40)]
    assert cfg.model.data_preprocessor["size"] == (32, 40)
    assert "test_cfg" not in cfg.model.data_preprocessor


def test_the_encoder_has_the_recipes_learning_rate():
    cfg, _ = swapped(param_scheduler=[dict(type="LinearLR"), dict(eta_min=1e-4)])
    assert [s.get("eta_min") for s in cfg.param_scheduler] == [None, 0.0]
    cfg.model.backbone.update(arch=DINOV2, weights=None)
    cfg.model.decode_head.update(in_channels=16)
    pytest.importorskip("transformers")
    built = OPTIM_WRAPPER_CONSTRUCTORS.get("DefaultOptimWrapperConstructor")(
        cfg.optim_wrapper, cfg.optim_wrapper.pop("paramwise_cfg")
    )(MODELS.build(cfg.model))
    rates = {g["lr"] for g in built.param_groups}
    assert sorted(rates) == pytest.approx([5e-6, 2e-4])
    assert {g["weight_decay"] for g in built.param_groups} == {0.01}


def test_the_rest_of_the_optimizer_wrapper_stays():
    stated = dict(type="AmpOptimWrapper", clip_grad=dict(max_norm=1))
    cfg, _ = swapped(optim_wrapper=stated)
    assert cfg.optim_wrapper.type == "AmpOptimWrapper"
    assert cfg.optim_wrapper.clip_grad.max_norm == 1
    assert cfg.optim_wrapper.optimizer.type == "AdamW"
    cnn, record = swapped("resnet50")
    assert cnn.optim_wrapper == plain_config().optim_wrapper
    assert cnn.param_scheduler == plain_config().param_scheduler
    assert len(record.notes) == 1


@pytest.mark.parametrize("config", [BEIT, MAE])
def test_layer_decay_of_the_old_encoder_is_left_out(config):
    for encoder in ("dinov2-small", "efficientnet-lite0"):
        cfg, record = swapped(encoder, config)
        assert "constructor" not in cfg.optim_wrapper
        (note,) = (n for n in record.notes if "constructor" in n)
        assert "LayerDecayOptimizerConstructor' is left out" in note.replace(
            "Learning", ""
        )
    assert "paramwise_cfg" not in cfg.optim_wrapper


def test_weights_of_the_old_network_are_left_out():
    changes = dict(pretrained="torchvision://resnet18", init_cfg=dict(type="Normal"))
    cfg, record = swapped(model=changes, load_from="old.pth")
    assert not {"pretrained", "init_cfg"} & set(cfg.model)
    assert cfg.load_from is None
    assert "load_from is left out: it is another network" in record.notes


def test_a_cascade_becomes_one_head_with_the_last_losses():
    cfg, record = swapped(config=OCR)
    assert cfg.model.type == "EncoderDecoder"
    assert "num_stages" not in cfg.model
    assert cfg.model.decode_head.num_classes == 19
    assert "HRNet, FCNHead, OCRHead" in record.notes[0]
    assert cfg.model.data_preprocessor["size"] == (518, 1022)


def test_losses_of_other_outputs_become_cross_entropy():
    cfg, record = swapped(config=PID)
    assert cfg.model.decode_head.loss_decode == dict(type="CrossEntropyLoss")
    assert "cross-entropy in place of the losses of PIDHead's outputs" in record.notes
    kept, record = swapped(config=DICE)
    names = [loss.type for loss in kept.model.decode_head.loss_decode]
    assert names == ["CrossEntropyLoss", "DiceLoss"]
    assert not [note for note in record.notes if "cross-entropy" in note]


def test_heads_of_other_kinds_are_replaced_too():
    for config, classes in ((MASKS, 150), (KNET, 150), (POINTS, 19)):
        cfg, _ = swapped("resnet50", config)
        head = cfg.model.decode_head
        assert (head.num_classes, head.get("out_channels")) == (classes, None)
        assert head.loss_decode.type == "CrossEntropyLoss"


@pytest.mark.parametrize("config", [OHEM, VOC, ISA, OCR, PID, MAE])
@pytest.mark.parametrize("encoder", ["dinov2-small", "resnet50"])
def test_mmsegmentations_configs_compose_and_have_a_head_that_fits(encoder, config):
    plain, _ = read_config(config)
    cfg = compose(plain, "unimatch_v2", "photos", encoder=encoder)
    sources = cfg.train_dataloader.dataset.sources
    shared = sources.unlabeled.pipeline[-1].shared
    (crop,) = [s.crop_size for s in shared if s.type == "RandomCrop"]
    if encoder == "dinov2-small":
        assert all(side % 14 == 0 for side in crop)
    assert cfg.model.segmentor.data_preprocessor["size"] == tuple(crop)
    assert cfg.model.segmentor.decode_head.num_classes in (19, 21, 150)
    assert compose(cfg)._cfg_dict == cfg._cfg_dict


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(backbone=dict(in_channels=4)), "takes images of 3 channels, but .*=4"),
        (dict(decode_head=dict(out_channels=1)), r"out_channels=1 is not what UniM"),
        (dict(type="SegTTAModel"), "'SegTTAModel': .* needs mmseg's Enc"),
        (dict(decode_head=dict(num_classes=None)), "FCNHead does not say its num_cla"),
    ],
)
def test_a_config_that_cannot_have_the_encoder_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message) as error:
        swapped(model=changes)
    assert "\n" not in str(error.value)


def test_depth_is_refused():
    with pytest.raises(ConfigError, match="predicts depth"):
        swapped(config=DEPTH)


def test_one_logit_of_two_classes_stays_with_a_head_that_has_it():
    cfg, _ = swapped("resnet50", model=dict(decode_head=dict(out_channels=1)))
    assert cfg.model.decode_head.out_channels == 1
    stated = dict(out_channels=2, threshold=0.3)
    cfg, _ = swapped(model=dict(decode_head=stated))
    assert cfg.model.decode_head.out_channels == [48, 96, 192, 384]


TINY = {
    "dinov2-small": DINOV2,
    "dinov3-vits16": DINOV3,
    "dinov3-convnext-tiny": CONVNEXT,
}


@pytest.mark.parametrize("encoder", TINY)
@pytest.mark.parametrize(
    "method", [m for m in method_names() if "weak" not in m and m != "cam_classifier"]
)
def test_every_method_is_composed_and_built(method, encoder):
    pytest.importorskip("transformers")
    stated = dict(name=encoder, weights=None, arch=TINY[encoder])
    images = {} if method == "supervised" else {"unlabeled": "photos"}
    plain = plain_config()
    plain.train_dataloader.dataset.pipeline[2].crop_size = (64, 64)
    cfg = compose(plain, method, encoder=stated, **images)
    for stage in split_stages(cfg) if cfg.get("stages") else [cfg]:
        model = copy.deepcopy(getattr(stage, "cfg", stage).model)
        if "segmentor_checkpoint" in model:
            continue  # of the trainings before it
        head = model.get("segmentor", {}).get("decode_head")
        if head is not None:
            head["in_channels"] = [4, 8, 12, 16] if encoder[-4:] == "tiny" else 16
        assert MODELS.build(model)
