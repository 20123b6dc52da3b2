# AdvSemiSeg (Hung et al. 2018): a discriminator tells predictions from masks. What the
# paper starts after a quarter of its iterations starts after a quarter of these.
_base_ = [
    "../_base_/models/unet_tiny.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/adamw_demo.py",
]
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    segmentor=_base_.model,
    objectives=dict(
        adversarial=dict(
            type="AdversarialObjective",
            discriminator=dict(type="FCDiscriminator", channels=(16, 32, 64, 128)),
            weights=dict(labeled=0.01, unlabeled=0.001),
            start=dict(labeled=0, unlabeled=300),
            fake_branches=["labeled"],
            real_branch="labeled",
        ),
        self_taught=dict(
            type="SelfTaughtObjective", weight=0.1, threshold=0.2, start=300
        ),
    ),
)
optim_wrapper = dict(
    discriminator=dict(optimizer=dict(type="Adam", lr=1e-3, betas=(0.9, 0.99))),
)
unlabeled = dict(
    type="MultiView",
    shared=[_base_.flips, _base_.colors],
    views=dict(unlabeled=[_base_.pack]),
)
train_dataloader = dict(
    dataset=dict(sources=dict(unlabeled=dict(pipeline=[_base_.load, unlabeled])))
)
