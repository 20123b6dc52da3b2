# Exp. II of Table 3: the vanilla contrastive loss, with all negatives.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
objective = _base_.model.objectives[0]
model = dict(
    objectives=[dict(objective, directional=False, negatives="all", gamma=None)]
)
