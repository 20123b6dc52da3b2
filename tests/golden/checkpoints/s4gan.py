_base_ = "_base.py"
model = dict(
    objectives=[
        dict(
            type="FeatureMatchingObjective",
            discriminator=dict(
                type="ImageDiscriminator", num_classes=4, channels=(8, 8)
            ),
            gamma=0.0,
        )
    ]
)
optim_wrapper = dict(
    discriminator=dict(optimizer=dict(type="Adam", lr=1e-3, betas=(0.9, 0.99)))
)
# A point is unfinished when the checkpoint is made.
custom_hooks = [
    dict(type="TeacherUpdateHook"),
    dict(type="ScoreCurveHook", interval=3, won_for=6),
]
