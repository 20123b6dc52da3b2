# U2PL (Wang et al., CVPR 2022, https://arxiv.org/abs/2203.03884): the student learns the
# teacher's labels of pixels whose entropy is low (section 3.3); the others are negatives
# of the classes that they are unlikely to belong to (section 3.2). Half of the images have
# a rectangle of another one; labelled and mixed images in one pass of each network.
# Values: section 4.1; the memory and the rectangle are those of the authors' code, and so
# are the first of 80 epochs for VOC: one of masks alone, one in which the student is its own
# teacher. Cityscapes: no start, 0.005 for 0.025, and online hard examples.
method = dict(
    teacher=dict(momentum=[(0, 0.0), (0.025, 0.99)]),
    objectives=dict(
        consistency=dict(
            type="ConsistencyObjective",
            weight=1.0,
            student_branch="unlabeled",
            select=dict(type="EntropyPercentile", unreliable=0.2),
            mix=dict(type="CutMix", area=(0.5, 0.5), probability=0.5),
            loss=dict(type="ReliableCrossEntropy"),
            joint=["labeled"],
            start=0.0125,
        ),
        contrast=dict(
            type="ClassContrastObjective",
            projector=dict(channels=256),
            weight=0.1,
            unreliable=0.2,
            threshold=0.3,
            ranks=(3, 20),
            num_anchors=256,
            num_negatives=50,
            temperature=0.5,
            memory_size=30_000,
            of="consistency",
            joint=["labeled"],
            start=0.0125,
        ),
    ),
    views=dict(unlabeled="weak"),
    ratio=dict(unlabeled=1),
)
