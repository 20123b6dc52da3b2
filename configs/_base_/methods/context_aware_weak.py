# Context-aware consistency where further images have image labels (Lai et al., CVPR 2021,
# https://arxiv.org/abs/2106.14133, section 3.5). The class activation maps of a classifier
# become coarse masks of these images. They teach a second classifier on the segmentor's
# features (Eqs. 10 and 11), beside the consistency of two crops. The classifier has a copy
# of the segmentor's backbone. Values: those of the code of Ouali et al., CVPR 2020,
# https://github.com/yassouali/CCT, which the paper follows; with 1464 masks and 9118 image
# labels of VOC, and without their refinement of the masks by a dense CRF.
_base_ = ["./cam_classifier.py"]
classifier = dict(_base_.method)
segmentor = dict(
    base="context_aware",
    objectives=dict(
        weak_mask=dict(
            type="WeakMaskObjective",
            weight=0.4,
            start=0.0625,
            ramp=0.1,
            branches=["unlabeled_first", "unlabeled_second"],
        ),
    ),
    # The masks are those that the images' source has.
    unlabeled=dict(
        load=[dict(type="LoadPseudoMask", store=None)],
        pack=dict(type="PackPseudoMask"),
    ),
)
method = dict(
    _delete_=True,
    stages=dict(
        classifier=dict(method=classifier),
        segmentor=dict(
            method=segmentor,
            pseudo_masks=dict(kind="cams", sources=["weak"]),
            unlabeled=dict(type="PseudoMaskDataset", store="{pseudo_masks}"),
        ),
    ),
)
