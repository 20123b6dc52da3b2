# FixMatch (Sohn et al., NeurIPS 2020) as the code of UniMatch has it for segmentation,
# without a teacher: the student's own prediction of the weak view, in the pass of the
# labelled images, labels one strong view. Rectangles of a second draw of images are pasted
# in, labelled by the student in evaluation mode. L = (L_x + L_s) / 2.
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
            strong=["unlabeled_strong"],
            labels_from="student",
            mix=dict(
                type="CutMix",
                area=(0.02, 0.4),
                aspect=(0.3, 1 / 0.3),
                probability=0.5,
                pairing="same",
            ),
            partners=dict(unlabeled="partner", unlabeled_strong="partner_strong"),
            partners_from=dict(
                type="NetworkLabels", network="student", evaluation=True
            ),
            weak_joint=["labeled"],
        ),
    ),
    views=dict(unlabeled="weak", unlabeled_strong=strong),
    sources=dict(
        partner=dict(
            like="unlabeled", views=dict(partner="weak", partner_strong=strong)
        ),
    ),
    ratio=dict(unlabeled=1, partner=1),
)
