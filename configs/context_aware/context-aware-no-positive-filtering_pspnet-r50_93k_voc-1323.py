# Exp. IV of Table 3: any counterpart that is more confident is good enough.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
method = dict(objectives=dict(context_contrast=dict(gamma=None)))
