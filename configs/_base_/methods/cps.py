# Cross pseudo supervision (Chen et al., CVPR 2021, https://arxiv.org/abs/2106.01226): two
# networks of different initialisation learn the masks, and each learns the other's most
# probable classes in unlabelled and labelled images, every pixel (Eqs. 2 and 3). The loss
# is averaged over all pixels, as in the authors' code. lambda is that of VOC (section 4.1);
# Cityscapes: 6, and online hard examples in the segmentor's loss.
method = dict(
    networks=dict(second=dict(type="Peer", init="new")),
    objectives=dict(
        cross_pseudo=dict(
            type="CrossPseudoObjective",
            weight=1.5,
            networks=["student", "second"],
            plain_branches=["labeled"],
            pixels="all",
        ),
    ),
    views=dict(unlabeled="weak"),
    ratio=dict(unlabeled=1),
)
