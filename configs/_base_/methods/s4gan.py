# s4GAN (Mittal et al., TPAMI 2019, https://arxiv.org/abs/1908.05724). A discriminator
# scores an image with its prediction or its ground truth. The segmentor matches the
# features of both in the discriminator (Eq. 2), and learns from those of its predictions
# whose score is high enough (Eq. 4). Values: section 4.1.
method = dict(
    objectives=dict(
        feature_matching=dict(
            type="FeatureMatchingObjective",
            discriminator=dict(type="ImageDiscriminator"),
            weight=0.1,
            self_training_weight=1.0,
            gamma=0.6,
        ),
    ),
    views=dict(unlabeled="weak"),
    ratio=dict(unlabeled=1),
    optim_wrapper=dict(
        discriminator=dict(optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.99))),
    ),
    custom_hooks=[dict(type="ScoreCurveHook")],
)
