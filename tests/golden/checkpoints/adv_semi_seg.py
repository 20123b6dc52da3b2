_base_ = "_base.py"
model = dict(
    objectives=[
        dict(
            type="AdversarialObjective",
            discriminator=dict(type="FCDiscriminator", num_classes=4, channels=(8, 8)),
            weights=dict(labeled=0.01, unlabeled=0.001),
            start=dict(labeled=0, unlabeled=2),
        ),
        dict(type="SelfTaughtObjective", threshold=0.2, start=2),
    ]
)
optim_wrapper = dict(
    discriminator=dict(optimizer=dict(type="Adam", lr=1e-3, betas=(0.9, 0.99)))
)
