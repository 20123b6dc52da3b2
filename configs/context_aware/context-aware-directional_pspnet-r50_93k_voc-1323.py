# Exp. III of Table 3: the direction, but neither sampling strategy.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
objective = _base_.model.objectives[0]
model = dict(objectives=[dict(objective, negatives="all", gamma=None)])
