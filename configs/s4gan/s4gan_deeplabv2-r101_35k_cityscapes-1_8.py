# s4GAN on Cityscapes with 1/8 of the masks (Table 4): crops of 256x512 of images at half
# resolution, five of each kind a step; gamma 0.7, and a slower discriminator.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/datasets/cityscapes.py",
    "../_base_/schedules/sgd_40k.py",
    "../_base_/default_runtime.py",
]
crop_size = (256, 512)
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=crop_size),
    segmentor=dict(
        _base_.model,
        decode_head=dict(_base_.model.decode_head, num_classes=19),
    ),
    objectives=dict(
        feature_matching=dict(
            type="FeatureMatchingObjective",
            discriminator=dict(type="ImageDiscriminator"),
            weight=0.1,
            self_training_weight=1.0,
            gamma=0.7,
        ),
    ),
)
optim_wrapper = dict(
    segmentor=dict(optimizer=dict(nesterov=False, weight_decay=5e-4)),
    discriminator=dict(optimizer=dict(type="Adam", lr=1e-5, betas=(0.9, 0.99))),
)
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=35000, by_epoch=False)
]
train_cfg = dict(max_iters=35000, val_interval=2500)
default_hooks = dict(checkpoint=dict(interval=2500))
custom_hooks = [*_base_.custom_hooks, dict(type="ScoreCurveHook")]

load = dict(type="LoadImageFromFile")
augment = [
    dict(type="Resize", scale=(1024, 512), keep_ratio=True),
    dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
]
pack = dict(type="PackSegInputs")
train_dataloader = dict(
    batch_size=10,
    dataset=dict(
        sources=dict(
            labeled=dict(pipeline=[load, dict(type="LoadAnnotations"), *augment, pack]),
            unlabeled=dict(
                pipeline=[
                    load,
                    dict(
                        type="MultiView", shared=augment, views=dict(unlabeled=[pack])
                    ),
                ]
            ),
        )
    ),
)
