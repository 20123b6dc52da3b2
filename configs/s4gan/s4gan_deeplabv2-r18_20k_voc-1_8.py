# A small network, from scratch, with 4 + 4 images a step: to measure speed.
_base_ = [
    "../_base_/models/deeplabv2_r18-d8.py",
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
train_dataloader = dict(batch_size=8)
