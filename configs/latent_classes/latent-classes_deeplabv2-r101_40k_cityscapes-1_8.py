# Latent classes on Cityscapes with 1/8 of the masks (Table 2): crops of 505 x 505 pixels
# of scaled images, two of each kind a step. As AdvSemiSeg, with which the paper compares
# itself, this trains and scores at half the resolution; the paper does not say.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/cityscapes.py",
    "../_base_/schedules/sgd_40k.py",
    "../_base_/default_runtime.py",
]
crop_size = (505, 505)
augment = [
    dict(
        type="RandomResize", scale=(1024, 512), ratio_range=(0.5, 1.5), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
]
load, pack = dict(type="LoadImageFromFile"), dict(type="PackSegInputs")
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        sources=dict(
            labeled=dict(
                pipeline=[load, dict(type="LoadAnnotations"), *augment, pack],
            ),
            unlabeled=dict(
                pipeline=[
                    load,
                    dict(
                        type="MultiView", shared=augment, views=dict(unlabeled=[pack])
                    ),
                ],
            ),
        ),
    ),
)
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=crop_size),
    segmentor=dict(
        _base_.model,
        decode_head=dict(_base_.model.decode_head, num_classes=19),
    ),
    objectives=dict(
        latent_class=dict(
            type="LatentClassObjective",
            head=dict(_base_.model.decode_head, num_classes=20),
            update_rate=2 / 372,
            weight=1.0,
            consistency_weight=0.1,
            start=5000,
        ),
        adversarial=dict(
            type="AdversarialObjective",
            discriminator=dict(type="FCDiscriminator"),
            weights=dict(labeled=0.01, unlabeled=0.001),
            start=dict(labeled=0, unlabeled=0),
            fake_branches=["labeled", "unlabeled"],
            real_branch="labeled",
        ),
    ),
)
optim_wrapper = dict(
    segmentor=dict(
        paramwise_cfg=dict(custom_keys=dict(latent_branch=dict(lr_mult=10.0)))
    ),
    discriminator=dict(optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.99))),
)
custom_hooks = [*_base_.custom_hooks, dict(type="LatentClassHook")]
