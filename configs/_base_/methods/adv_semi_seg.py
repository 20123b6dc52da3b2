# AdvSemiSeg (Hung et al., BMVC 2018, https://arxiv.org/abs/1802.07934). A discriminator
# tells pixels of predictions from pixels of ground truth. The segmentor tries to convince
# it (Eq. 4), and from a quarter of the training on it learns those of its own pixels that
# the discriminator takes for ground truth (Eq. 5). Values: section 5.
method = dict(
    objectives=dict(
        adversarial=dict(
            type="AdversarialObjective",
            discriminator=dict(type="FCDiscriminator"),
            weights=dict(labeled=0.01, unlabeled=0.001),
            start=dict(labeled=0, unlabeled=0.25),
            fake_branches=["labeled"],
            real_branch="labeled",
        ),
        self_taught=dict(
            type="SelfTaughtObjective",
            confidence="adversarial.confidence",
            weight=0.1,
            threshold=0.2,
            start=0.25,
        ),
    ),
    views=dict(unlabeled="weak"),
    ratio=dict(unlabeled=1),
    optim_wrapper=dict(
        discriminator=dict(optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.99))),
    ),
    # Table 7 after each validation: the pixels that the discriminator would select.
    test_cfg=dict(signal_maps=True),
    evaluators=[dict(type="SelectedPixelAccuracy", signal="adversarial.confidence")],
)
