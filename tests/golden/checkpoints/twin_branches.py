_base_ = "_base.py"
model = dict(
    objectives=[
        dict(type="TwinBranchObjective", head=_base_.decode_head, start=1),
    ]
)
