# AdvSemiSeg in a quarter of an hour on a CPU: seven classes of VOC, 65 masks and 1092
# images without. What the paper starts after a quarter of its iterations starts after
# a quarter of these.
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
        adversarial=dict(
            type="AdversarialObjective",
            discriminator=dict(type="FCDiscriminator"),
            weights=dict(labeled=0.01, unlabeled=0.001),
            start=dict(labeled=0, unlabeled=500),
            fake_branches=["labeled"],
            real_branch="labeled",
        ),
        self_taught=dict(
            type="SelfTaughtObjective", weight=0.1, threshold=0.2, start=500
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
default_hooks = dict(checkpoint=dict(interval=500))
