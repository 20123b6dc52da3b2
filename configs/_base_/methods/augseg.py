# AugSeg (Zhao et al., CVPR 2023, https://arxiv.org/abs/2212.04976): a mean teacher whose
# student sees one to three changes of colours (section 3.2), and more parts of labelled
# images where the teacher is unsure (section 3.3); labelled and strong images in one pass.
# Values: section 4.1 and the authors' code for VOC. Cityscapes: teacher.momentum 0.996,
# weight 2, threshold 0, and online hard examples in the segmentor's loss.
method = dict(
    teacher=dict(momentum=0.999, ramp=True),
    objectives=dict(
        consistency=dict(
            type="ConsistencyObjective",
            weight=1.0,
            threshold=0.95,
            mix=dict(type="AdaptiveCutMix"),
            joint=["labeled"],
        ),
    ),
    views=dict(
        unlabeled="weak",
        unlabeled_strong=[dict(type="RandomIntensity", max_ops=3)],
    ),
    ratio=dict(unlabeled=1),
)
