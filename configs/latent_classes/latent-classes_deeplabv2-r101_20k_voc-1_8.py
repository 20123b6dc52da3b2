# Latent classes on PASCAL VOC with 1/8 of the masks, as the paper has it (section 4.1):
# two ASPP heads on one backbone, 20 latent classes, and AdvSemiSeg's adversary, whose
# discriminator sees labelled and unlabelled predictions from the beginning.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=_base_.crop_size),
    segmentor=_base_.model,
    objectives=dict(
        latent_class=dict(
            type="LatentClassObjective",
            head=dict(_base_.model.decode_head, num_classes=20),
            update_rate=10 / 1322,
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
