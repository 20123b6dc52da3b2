# AdvSemiSeg as the authors' code trains it (https://github.com/hfslyc/AdvSemiSeg,
# commit 841d546, the command of its README), where that differs from the paper:
# - two dilated classifiers, as the published module returns before the others;
# - the discriminator learns from unlabelled predictions, too, and its ground truth
#   comes from crops of its own, without padding;
# - the adversarial loss on unlabelled images counts from the first iteration on;
# - weight decay 5e-4, no Nesterov momentum;
# - the optimizer holds parameters of the backbone several times, which multiplies their
#   learning rate: four times for the convolutions of a shortcut, once for the first
#   convolution, three times for all others;
# - crops only, no scaling, no flipping.
# What remains different: the padded border of an unlabelled image is ignored; a small
# image of the discriminator's own source is stretched after the crop, not before.
_base_ = ["./adv-semi-seg_deeplabv2-r101_20k_voc-1_8.py"]
model = dict(
    segmentor=dict(decode_head=dict(dilations=(6, 12))),
    objectives=dict(
        adversarial=dict(
            start=dict(unlabeled=0),
            fake_branches=["labeled", "unlabeled"],
            real_branch="labeled_gt",
        ),
    ),
)
optim_wrapper = dict(
    segmentor=dict(
        optimizer=dict(nesterov=False, weight_decay=5e-4),
        paramwise_cfg=dict(
            custom_keys={
                "backbone": dict(lr_mult=3.0),
                "backbone.conv1": dict(lr_mult=1.0),
                "downsample": dict(lr_mult=4.0),
            }
        ),
    ),
)

load = dict(type="LoadImageFromFile")
annotations = dict(type="LoadAnnotations")
crop = dict(type="RandomCrop", crop_size=_base_.crop_size)
stretch = dict(type="Resize", scale=_base_.crop_size[::-1], keep_ratio=False)
pack = dict(type="PackSegInputs")
train_dataloader = dict(
    batch_size=30,
    sampler=dict(ratio=dict(labeled_gt=1)),
    dataset=dict(
        sources=dict(
            labeled=dict(pipeline=[load, annotations, crop, pack]),
            labeled_gt=dict(
                _base_.train_dataloader.dataset.sources.labeled,
                pipeline=[load, annotations, crop, stretch, pack],
            ),
            unlabeled=dict(
                pipeline=[
                    load,
                    dict(type="MultiView", shared=[crop], views=dict(unlabeled=[pack])),
                ]
            ),
        )
    ),
)
