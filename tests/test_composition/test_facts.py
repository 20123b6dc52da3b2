"""Facts of a plain config that a block names in braces."""

import pytest
from mmseg.registry import MODELS
from plain_configs import plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.stages.plan import split_stages


def classifier(method="mlmt", **changes):
    return compose(plain_config(**changes), method, "photos")


def test_the_classifier_has_the_segmentors_backbone_and_normalisation():
    cfg, plain = classifier(), plain_config()
    backbone = cfg.model.classifier.backbone
    assert backbone == plain.model.backbone
    own = plain.model.data_preprocessor
    assert cfg.model.data_preprocessor == {k: v for k, v in own.items() if k != "size"}
    assert MODELS.build(cfg.model).classifier.fc.weight.shape == (2, 16)


def test_weights_that_the_model_names_go_with_the_backbone():
    cfg = classifier(model=dict(pretrained="torchvision://resnet18"))
    assert cfg.model.classifier.backbone.pretrained == "torchvision://resnet18"


def test_the_paper_image_size_limits_the_crop():
    pipeline = plain_config().train_dataloader.dataset.pipeline
    pipeline[2].crop_size = (200, 500)
    cfg = classifier(train_dataloader=dict(dataset=dict(pipeline=pipeline)))
    assert cfg.val_dataloader.dataset.pipeline[-2].scale == (320, 200)
    del pipeline[2]
    cfg = classifier(train_dataloader=dict(dataset=dict(pipeline=pipeline)))
    assert cfg.val_dataloader.dataset.pipeline[-2].scale == (320, 320)


@pytest.mark.parametrize(("crop", "size"), [(518, 308), (512, 320), (98, 98)])
def test_patches_of_a_library_encoder_stay_whole(crop, size):
    pipeline = plain_config().train_dataloader.dataset.pipeline
    pipeline[2].crop_size = (crop, crop)
    backbone = dict(type="TransformersBackbone", _delete_=True)
    cfg = classifier(
        model=dict(backbone=backbone),
        train_dataloader=dict(dataset=dict(pipeline=pipeline)),
    )
    assert cfg.val_dataloader.dataset.pipeline[-2].scale == (size, size)


def test_without_a_background_none_is_kept_on():
    dataset = dict(classes=["road", "car"])
    cfg = classifier(method="s4gan_mlmt", train_dataloader=dict(dataset=dataset))
    assert split_stages(cfg)[-1].cfg.model.background is None


def test_registered_classes_are_known():
    dataset = dict(_delete_=True, type="CityscapesDataset", data_root="cs")
    dataset["pipeline"] = plain_config().train_dataloader.dataset.pipeline
    cfg = classifier(train_dataloader=dict(dataset=dataset))
    assert cfg.model.classifier.num_classes == 19


def no_backbone():
    plain = plain_config()
    plain.model.image_encoder = plain.model.pop("backbone")
    return plain


def no_classes():
    plain = plain_config()
    dataset = plain.train_dataloader.dataset
    dataset.pop("classes")
    dataset.type = "BaseSegDataset"
    return plain


@pytest.mark.parametrize(
    ("plain", "method", "message"),
    [
        (no_backbone, "mlmt", "model.type='EncoderDecoder' has no `backbone`"),
        (no_classes, "mlmt", "BaseSegDataset has none; set .*metainfo"),
        (
            plain_config,
            dict(base="mlmt", model=dict(classifier=dict(num_classes="{clases}"))),
            "no {clases}; did you mean 'classes'",
        ),
    ],
)
def test_facts_that_a_config_does_not_have(plain, method, message):
    with pytest.raises(ConfigError, match=message):
        compose(plain(), method, "photos")
