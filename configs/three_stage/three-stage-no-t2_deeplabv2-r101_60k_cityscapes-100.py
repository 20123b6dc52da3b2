# Table V, without T2: no pseudo-masks are learned. Stage 3 then needs nothing of the
# stages before it, so it is the only one.
_base_ = ["./three-stage_deeplabv2-r101_60k_cityscapes-100.py"]
method = dict(
    _delete_=True,
    base="mean_teacher",
    teacher=dict(
        momentum=[(0, 0.99), (1 / 3, 0.995), (2 / 3, 0.9975), (5 / 6, 0.999)],
        ramp=False,
    ),
    objectives=dict(
        consistency=dict(weight=0.5, threshold=0.0, plain_branches=["labeled"])
    ),
    views=dict(
        unlabeled_strong=[
            dict(type="RandAugment", num_ops=3, prob=0.5, levels=(1, 9)),
            dict(type="Cutout", num_holes=3, size=32, ignore=False),
        ]
    ),
    ratio=dict(unlabeled=4),
    test_cfg=dict(predict_with="student"),
)
train_dataloader = dict(batch_size=1)
# All images, those with masks among them.
unlabeled = dict(exclude=[])
custom_hooks = [
    dict(type="DataCheckHook", level="cheap", allow=["overlap"]),
    dict(type="TeacherUpdateHook"),
]
