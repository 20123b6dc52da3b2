# ST, self-training with strong augmentation (Yang et al., ST++, CVPR 2022,
# https://arxiv.org/abs/2106.05095, section 3.1, Algorithm 1). A network learns the labelled
# images and labels the others: probabilities at five scales and of the mirror images are
# averaged, and every pixel counts. A new one begins with the initial weights and learns both, half and
# half, in one pass; images with pseudo-masks have strong colours and a rectangle of noise
# (Cutout), where nothing is learnt. Values: section 4.1, and where the paper is silent
# (scales, rectangles), the authors' code, which labels with the best checkpoint by
# validation: pseudo_masks=dict(checkpoint="best").
_base_ = ["../views/strong.py"]
pseudo_masks = dict(
    network="student",
    sources=["unlabeled"],
    mode="whole",
    scales=[0.5, 0.75, 1.0, 1.5, 2.0],
    flip=True,
)
retraining = dict(
    average_losses=True,
    objectives=dict(
        pseudo=dict(type="SupervisedObjective", branch="pseudo", joint=["labeled"]),
    ),
    sources=dict(
        pseudo=dict(
            type="PseudoMaskDataset",
            store="{pseudo_masks}",
            load=[dict(type="LoadAnnotations")],
            views=dict(
                pseudo=[
                    *_base_.strong,
                    dict(
                        type="NoiseCutout",
                        prob=0.5,
                        area=(0.02, 0.4),
                        aspect=(0.3, 1 / 0.3),
                    ),
                ],
            ),
        ),
    ),
    ratio=dict(pseudo=1),
)
method = dict(
    stages=dict(
        stage1=dict(method="supervised"),
        stage2=dict(method=retraining, pseudo_masks=pseudo_masks),
    )
)
