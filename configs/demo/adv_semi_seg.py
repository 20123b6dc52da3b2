# AdvSemiSeg (Hung et al. 2018): a discriminator tells predictions from masks.
_base_ = [
    "../_base_/models/unet_tiny.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/adamw_demo.py",
]
method = dict(
    base="adv_semi_seg",
    objectives=dict(adversarial=dict(discriminator=dict(channels=(16, 32, 64, 128)))),
    optim_wrapper=dict(discriminator=dict(optimizer=dict(lr=1e-3))),
)
