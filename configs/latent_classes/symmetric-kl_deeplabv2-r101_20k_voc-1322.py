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
method = dict(
    objectives=dict(
        twin_branch=dict(
            type="TwinBranchObjective", consistency_weight=0.1, start=0.25
        ),
        adversarial=adversarial,
        adversarial_twin=dict(adversarial, predictions="twin"),
    ),
    views=dict(unlabeled="weak"),
    ratio=dict(unlabeled=1),
    optim_wrapper=dict(
        discriminator=dict(optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.99)))
    ),
)
labeled = "split:voc12aug/mittal_1322_labeled.txt"
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(twin_branch=dict(lr_mult=10.0)))
)
