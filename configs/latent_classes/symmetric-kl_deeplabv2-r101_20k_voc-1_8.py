# Two equal branches for the semantic classes that agree on unlabelled images, each with
# an adversary ("semantic classes KL" of Table 5).
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
adversarial = dict(
    type="AdversarialObjective",
    discriminator=dict(type="FCDiscriminator"),
    weights=dict(labeled=0.01, unlabeled=0.001),
    start=dict(labeled=0, unlabeled=0),
    fake_branches=["labeled", "unlabeled"],
    real_branch="labeled",
)
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=_base_.crop_size),
    segmentor=_base_.model,
    objectives=dict(
        twin_branch=dict(
            type="TwinBranchObjective",
            head=_base_.model.decode_head,
            consistency_weight=0.1,
            start=5000,
        ),
        adversarial=adversarial,
        adversarial_twin=dict(adversarial, predictions="twin"),
    ),
)
optim_wrapper = dict(
    segmentor=dict(
        paramwise_cfg=dict(custom_keys=dict(twin_branch=dict(lr_mult=10.0)))
    ),
    discriminator=dict(optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.99))),
)
