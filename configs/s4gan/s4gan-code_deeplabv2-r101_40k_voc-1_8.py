# s4GAN as the authors' code trains it (https://github.com/sud0301/semisup-semseg, the
# command of its README), where that differs from the paper:
# - two dilated classifiers, as the published module returns before the others;
# - dropout of whole maps, after three of the four convolutions;
# - ground truth comes from crops of its own, whose images are divided by the span of the
#   labelled batch;
# - predictions have classes on the padded border, too;
# - a score must exceed gamma, and self-training starts in the second iteration;
# - the optimizer holds parameters of the backbone several times, which multiplies their
#   learning rate: four times for the convolutions of a shortcut, once for the first
#   convolution, three times for all others;
# - a schedule of 40000 iterations; the README evaluates after 30000;
# - crops only, no scaling, no flipping.
# What remains different: the padded border of an unlabelled image is not learned from; a
# small image of the discriminator's own source is stretched after the crop; the weights
# are Detectron2's, which need fixed statistics in BatchNorm, where the code takes
# torchvision's and batch statistics.
_base_ = ["./s4gan_deeplabv2-r101_35k_voc-1_8.py"]
model = dict(
    segmentor=dict(decode_head=dict(dilations=(6, 12))),
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
)
optim_wrapper = dict(
    segmentor=dict(
        paramwise_cfg=dict(
            custom_keys={
                "backbone": dict(lr_mult=3.0),
                "backbone.conv1": dict(lr_mult=1.0),
                "downsample": dict(lr_mult=4.0),
            }
        ),
    ),
)
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=40000, by_epoch=False)
]
train_cfg = dict(max_iters=40000, val_interval=5000)
default_hooks = dict(checkpoint=dict(interval=5000))

load = dict(type="LoadImageFromFile")
annotations = dict(type="LoadAnnotations")
crop = dict(type="RandomCrop", crop_size=_base_.crop_size)
stretch = dict(type="Resize", scale=_base_.crop_size[::-1], keep_ratio=False)
pack = dict(type="PackSegInputs")
train_dataloader = dict(
    batch_size=24,
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
