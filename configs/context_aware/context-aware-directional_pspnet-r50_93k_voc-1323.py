# Exp. III of Table 3: the direction, but neither sampling strategy.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
method = dict(objectives=dict(context_contrast=dict(negatives="all", gamma=None)))
