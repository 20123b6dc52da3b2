# Latent classes without the adversary (Sawatzky et al., 2019,
# https://arxiv.org/abs/1912.12936, Table 3, second row). A second head on the same
# features groups the classes into 20 latent ones (Eq. 1); from a quarter of the training
# on, its predictions teach the classes on unlabelled images (Eq. 10). Values: section 4.
method = dict(
    objectives=dict(
        latent_class=dict(
            type="LatentClassObjective",
            head=dict(num_classes=20),
            weight=1.0,
            consistency_weight=0.1,
            start=0.25,
        ),
    ),
    views=dict(unlabeled="weak"),
    ratio=dict(unlabeled=1),
    custom_hooks=[dict(type="LatentClassHook")],
)
