# Three-stage self-training (Ke et al., 2020, https://arxiv.org/abs/2012.00827). Each stage
# begins with the initial weights, and learns pseudo-masks of the stage before it in a
# head of its own (Task 2, Eq. 3), so that they never reach the predicting head, beside a
# mean teacher's consistency (Eqs. 4 and 5). Values: section IV; where the paper is silent
# (momenta, strengths of the augmentation), those of the authors' code.
# The paper's stage 2 also has a last stage of the backbone of its own (g^, Table VII),
# which depends on the backbone: configs/three_stage add it.
pseudo_masks = dict(network="student", sources=["labeled", "unlabeled"], mode="whole")
lambda_1 = lambda_2 = 0.25
self_training = dict(
    teacher=dict(momentum=[(0, 0.99), (1 / 3, 0.995), (2 / 3, 0.9975), (5 / 6, 0.999)]),
    objectives=dict(
        consistency=dict(
            type="ConsistencyObjective",
            weight=lambda_1,
            threshold=0.0,
            mix="none",
            teacher_branch="pseudo",
            student_branch="pseudo_strong",
            plain_branches=["labeled"],
        ),
        pseudo_mask=dict(
            type="PseudoMaskObjective",
            weight=lambda_2,
            branch="pseudo_strong",
            plain_branches=["labeled"],
        ),
    ),
    labeled=dict(
        load=[dict(type="LoadPseudoMask", store="{pseudo_masks}")],
        pack=dict(type="PackPseudoMask"),
    ),
    sources=dict(
        pseudo=dict(
            type="PseudoMaskDataset",
            store="{pseudo_masks}",
            load=[dict(type="LoadAnnotations")],
            views=dict(
                pseudo="weak",
                pseudo_strong=[
                    dict(type="RandAugment", num_ops=3, prob=0.5, levels=(1, 9)),
                    dict(type="Cutout", num_holes=3, size=0.1, ignore=False),
                ],
            ),
        ),
    ),
    ratio=dict(pseudo=1),
    test_cfg=dict(predict_with="student"),
)
method = dict(
    stages=dict(
        stage1=dict(method="supervised"),
        stage2=dict(method=self_training, pseudo_masks=pseudo_masks),
        stage3=dict(method=self_training, pseudo_masks=pseudo_masks),
    )
)
