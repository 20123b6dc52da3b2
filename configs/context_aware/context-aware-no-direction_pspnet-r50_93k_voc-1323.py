# Exp. V of Table 3: both sides are pulled towards each other.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
objective = _base_.model.objectives[0]
model = dict(objectives=[dict(objective, directional=False)])
