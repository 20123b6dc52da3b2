# Cross pseudo supervision with CutMix (Chen et al., CVPR 2021,
# https://arxiv.org/abs/2106.01226, section 4.3): three rectangles of a second draw of images
# are pasted into the unlabelled ones, and both networks learn the mixed images with the
# other's labels of the unmixed ones. lambda is that of the authors' code for VOC; Cityscapes:
# 5, and online hard examples in the segmentor's loss.
_base_ = ["./cps.py"]
method = dict(
    objectives=dict(
        cross_pseudo=dict(
            weight=1.0,
            plain_branches=[],
            mix=dict(type="CutMix", area=(0.25, 0.5), boxes=3, pairing="same"),
            partner="partner",
        ),
    ),
    sources=dict(partner=dict(like="unlabeled", views=dict(partner="weak"))),
    ratio=dict(partner=1),
)
