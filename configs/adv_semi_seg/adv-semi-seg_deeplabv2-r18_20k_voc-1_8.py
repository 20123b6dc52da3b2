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
        adversarial=dict(
            type="AdversarialObjective",
            discriminator=dict(type="FCDiscriminator"),
            weights=dict(labeled=0.01, unlabeled=0.001),
            start=dict(labeled=0, unlabeled=5000),
        ),
        self_taught=dict(
            type="SelfTaughtObjective", weight=0.1, threshold=0.2, start=5000
        ),
    ),
)
optim_wrapper = dict(
    discriminator=dict(optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.99))),
)
train_dataloader = dict(batch_size=8)
