_base_ = "_base.py"
model = dict(
    objectives=[
        dict(
            type="ConsistencyObjective",
            threshold=0.0,
            mix="none",
            plain_branches=["labeled"],
        ),
        dict(
            type="PseudoMaskObjective",
            head=_base_.decode_head,
            branch="unlabeled_strong",
            plain_branches=["labeled"],
        ),
    ]
)
