# FixMatch (Sohn et al., NeurIPS 2020) with a mean teacher, as the code of UniMatch V2 has
# it for segmentation: the teacher judges the weak view, the student learns one strong
# view, labelled and strong images in one pass; L = (L_x + L_s) / 2.
_base_ = ["../views/strong.py"]
strong = _base_.strong
method = dict(
    teacher=dict(momentum=0.996, ramp=True),
    labeled_weight=0.5,
    objectives=dict(
        unimatch=dict(
            type="UniMatchObjective",
            weight=0.5,
            threshold=0.95,
            strong=["unlabeled_strong"],
            joint=["labeled"],
        ),
    ),
    views=dict(unlabeled="weak", unlabeled_strong=strong),
    ratio=dict(unlabeled=1),
)
