# Exp. V of Table 3: both sides are pulled towards each other.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
method = dict(objectives=dict(context_contrast=dict(directional=False)))
