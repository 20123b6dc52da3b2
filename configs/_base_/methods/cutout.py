# CutOut with a mean teacher (French et al., BMVC 2020, https://arxiv.org/abs/1906.01916):
# a rectangle of the student's image is erased, and the probabilities of the other pixels
# learn the teacher's, by their squared difference (Eq. 2). The share of confident pixels
# is the weight of all (section 3.4). Values: section 4 and the authors' code.
_base_ = ["../views/french.py"]
strong = _base_.strong
method = dict(
    teacher=dict(momentum=0.99, ramp=False),
    objectives=dict(
        consistency=dict(
            type="ConsistencyObjective",
            weight=1.0,
            select=dict(type="ConfidentShare", threshold=0.97),
            mix=dict(type="CutOut", area=(0.0, 1.0)),
            loss=dict(type="SquaredDifference"),
        ),
    ),
    views=dict(unlabeled="weak", unlabeled_strong=strong),
    ratio=dict(unlabeled=1),
)
