# AdvSemiSeg as the authors' code trains it (https://github.com/hfslyc/AdvSemiSeg,
# commit 841d546, the command of its README), where that differs from the paper:
# - two dilated classifiers, as the published module returns before the others;
# - the discriminator learns from unlabelled predictions, too, with one mean over the
#   pixels of all predictions, and its ground truth comes from crops of its own, without
#   padding;
# - the adversarial loss on unlabelled images counts from the first iteration on;
# - weight decay 5e-4, no Nesterov momentum;
# - the optimizer holds parameters of the backbone several times, here a multiple of their
#   learning rate: four times for the convolutions of a shortcut, once for the first
#   convolution, three times for all others (exact in the first step only: README.md);
# - crops only, no scaling, no flipping.
# What remains different: the padded border of an unlabelled image is ignored; a small
# image of the discriminator's own source is stretched after the crop, not before.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
load, annotations = dict(type="LoadImageFromFile"), dict(type="LoadAnnotations")
crop = dict(type="RandomCrop", crop_size=(321, 321))
stretch = dict(type="Resize", scale=(321, 321), keep_ratio=False)
pack = dict(type="PackSegInputs")
train_dataloader = dict(dataset=dict(pipeline=[load, annotations, crop, pack]))
method = dict(
    base="adv_semi_seg",
    objectives=dict(
        adversarial=dict(
            start=dict(unlabeled=0),
            fake_branches=["labeled", "unlabeled"],
            fake_mean="pixels",
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
    optimizer=dict(nesterov=False, weight_decay=5e-4),
    paramwise_cfg=dict(
        custom_keys={
            "backbone": dict(lr_mult=3.0),
            "backbone.conv1": dict(lr_mult=1.0),
            "downsample": dict(lr_mult=4.0),
        }
    ),
)
