# s4GAN as the authors' code trains it (https://github.com/sud0301/semisup-semseg, the
# command of its README), where that differs from the paper:
# - two dilated classifiers, as the published module returns before the others;
# - dropout of whole maps, after three of the four convolutions;
# - ground truth comes from crops of its own, whose images are divided by the span of the
#   labelled batch;
# - predictions have classes on the padded border, too;
# - a score must exceed gamma, and self-training starts in the second iteration;
# - the optimizer holds parameters of the backbone several times, here a multiple of their
#   learning rate: four times for the convolutions of a shortcut, once for the first
#   convolution, three times for all others (exact in the first step only: README.md);
# - a schedule of 40000 iterations; the README evaluates after 30000;
# - crops only, no scaling, no flipping.
# What remains different: the padded border of an unlabelled image is not learned from; a
# small image of the discriminator's own source is stretched after the crop; the weights
# are Detectron2's, which need fixed statistics in BatchNorm, where the code takes
# torchvision's and batch statistics.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_35k.py",
    "../_base_/default_runtime.py",
]
load, annotations = dict(type="LoadImageFromFile"), dict(type="LoadAnnotations")
crop = dict(type="RandomCrop", crop_size=(321, 321))
stretch = dict(type="Resize", scale=(321, 321), keep_ratio=False)
pack = dict(type="PackSegInputs")
train_dataloader = dict(
    batch_size=8, dataset=dict(pipeline=[load, annotations, crop, pack])
)
method = dict(
    base="s4gan",
    objectives=dict(
        feature_matching=dict(
            discriminator=dict(dropout_after=(0, 1, 2), dropout_kind="channel"),
            start=1,
            inclusive=False,
            real_image_range="labeled",
            mask_padding=False,
            real_branch="labeled_gt",
        ),
    ),
    # The labelled images once more.
    sources=dict(
        labeled_gt=dict(
            like="labeled", pipeline=[load, annotations, crop, stretch, pack]
        ),
    ),
    ratio=dict(labeled_gt=1),
)
labeled = "split:voc12aug/mittal_1322_labeled.txt"
model = dict(decode_head=dict(dilations=(6, 12)))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={
            "backbone": dict(lr_mult=3.0),
            "backbone.conv1": dict(lr_mult=1.0),
            "downsample": dict(lr_mult=4.0),
        }
    ),
)
# (1 - t / 40000)^0.9 in iteration t, as published; PolyLR divides by end - begin - 1.
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=40001, by_epoch=False)
]
train_cfg = dict(max_iters=40000, val_interval=5000)
default_hooks = dict(checkpoint=dict(interval=5000))
