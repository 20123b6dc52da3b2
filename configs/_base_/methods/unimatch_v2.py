# UniMatch V2 (Yang et al., TPAMI 2025, https://arxiv.org/abs/2410.10777): the teacher
# judges the weak view; the student learns two strong views of it in one pass, and each
# channel of its features is kept in one of the two (section 3.3), but for half of the
# images. L = (L_x + (L_1 + L_2) / 2) / 2. Values: section 4.1 and the authors' code.
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
            strong=["unlabeled_strong", "unlabeled_strong_2"],
            perturb=dict(type="ComplementaryDropout", untouched=0.5),
        ),
    ),
    views=dict(unlabeled="weak", unlabeled_strong=strong, unlabeled_strong_2=strong),
    ratio=dict(unlabeled=1),
)
