# AdvSemiSeg on PASCAL VOC with 1/8 of the masks, as the paper has it (section 5,
# Table 9): the discriminator learns from labelled images only, and unlabelled images
# teach from iteration 5000 on.
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
        adversarial=dict(
            type="AdversarialObjective",
            discriminator=dict(type="FCDiscriminator"),
            weights=dict(labeled=0.01, unlabeled=0.001),
            start=dict(labeled=0, unlabeled=5000),
            fake_branches=["labeled"],
            real_branch="labeled",
        ),
        self_taught=dict(
            type="SelfTaughtObjective", weight=0.1, threshold=0.2, start=5000
        ),
    ),
    # Table 7 after each validation: the pixels that the discriminator would select.
    test_cfg=dict(signal_maps=True),
)
val_evaluator = [_base_.val_evaluator, dict(type="SelectedPixelAccuracy")]
test_evaluator = val_evaluator
optim_wrapper = dict(
    discriminator=dict(optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.99))),
)
