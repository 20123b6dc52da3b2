_base_ = "_base.py"
model = dict(
    teacher=dict(momentum=[(0, 0.5), (3, 0.9)], ramp=True),
    objectives=[
        dict(type="ConsistencyObjective", threshold=0.3, mix="cutmix", start=1)
    ],
)
