# Exp. VI of Table 3: both crops show the same, so only their colours differ.
_base_ = ["./context-aware_lite0_2k_voc-animals-65.py"]
method = dict(crop=dict(iou_range=(1.0, 1.0)))
