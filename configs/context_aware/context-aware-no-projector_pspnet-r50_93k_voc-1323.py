# Exp. VII of Table 3: the features of the classifier are compared themselves.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
method = dict(objectives=dict(context_contrast=dict(projector=None)))
