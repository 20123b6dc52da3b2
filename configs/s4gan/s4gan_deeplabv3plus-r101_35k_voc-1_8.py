# s4GAN with DeepLabv3+ on PASCAL VOC with 1/8 of the masks (Table 2). The paper names no
# other learning rates for this network.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d16.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_40k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=_base_.crop_size),
    segmentor=_base_.model,
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
    segmentor=dict(optimizer=dict(nesterov=False, weight_decay=5e-4)),
    discriminator=dict(optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.99))),
)
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=35000, by_epoch=False)
]
train_cfg = dict(max_iters=35000, val_interval=2500)
default_hooks = dict(checkpoint=dict(interval=2500))
custom_hooks = [*_base_.custom_hooks, dict(type="ScoreCurveHook")]
train_dataloader = dict(batch_size=16)
