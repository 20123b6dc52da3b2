_base_ = "_base.py"
model = dict(
    objectives=[dict(type="ConsistencyObjective", threshold=0.0, mix="none", ramp=6)]
)
