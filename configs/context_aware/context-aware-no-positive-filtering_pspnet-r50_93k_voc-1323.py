# Exp. IV of Table 3: any counterpart that is more confident is good enough.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
objective = _base_.model.objectives[0]
model = dict(objectives=[dict(objective, gamma=None)])
