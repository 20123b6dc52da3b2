# s4GAN in less than an hour on a CPU: seven classes of VOC, 65 masks and 1092 images
# without.
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=_base_.crop_size),
    segmentor=dict(
        _base_.model,
        decode_head=dict(_base_.model.decode_head, num_classes=7),
    ),
    objectives=dict(
        feature_matching=dict(
            type="FeatureMatchingObjective",
            discriminator=dict(type="ImageDiscriminator"),
            weight=0.1,
            self_training_weight=1.0,
            gamma=0.6,
        ),
    ),
)
optim_wrapper = dict(
    discriminator=dict(optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.99))),
)
custom_hooks = [*_base_.custom_hooks, dict(type="ScoreCurveHook", interval=50)]
default_hooks = dict(checkpoint=dict(interval=500))
