# UniMatch (Yang et al., CVPR 2023, https://arxiv.org/abs/2208.09910), without a teacher:
# the student's own prediction of the weak view, in the pass of the labelled images, labels
# two strong views (section 3.3) and dropped channels of the weak view's features
# (section 3.2), which are decoded beside the clean ones. Rectangles of a second draw of
# images are pasted in. L = (L_x + L_1 / 4 + L_2 / 4 + L_fp / 2) / 2, threshold 0.95.
# Cityscapes: threshold 0, and online hard examples in the segmentor's loss.
_base_ = ["../views/strong.py"]
strong = _base_.strong
method = dict(
    labeled_weight=0.5,
    objectives=dict(
        unimatch=dict(
            type="UniMatchObjective",
            weight=0.5,
            threshold=0.95,
            strong=["unlabeled_strong", "unlabeled_strong_2"],
            labels_from="student",
            mix=dict(
                type="CutMix",
                area=(0.02, 0.4),
                aspect=(0.3, 1 / 0.3),
                probability=0.5,
                pairing="same",
            ),
            partners=dict(
                unlabeled="partner",
                unlabeled_strong="partner_strong",
                unlabeled_strong_2="partner_strong_2",
            ),
            partners_from=dict(
                type="NetworkLabels", network="student", evaluation=True
            ),
            feature_perturb=dict(type="ChannelDropout", probability=0.5),
            feature_share=0.5,
            weak_joint=["labeled"],
        ),
    ),
    views=dict(unlabeled="weak", unlabeled_strong=strong, unlabeled_strong_2=strong),
    sources=dict(
        partner=dict(
            like="unlabeled",
            views=dict(partner="weak", partner_strong=strong, partner_strong_2=strong),
        ),
    ),
    ratio=dict(unlabeled=1, partner=1),
)
