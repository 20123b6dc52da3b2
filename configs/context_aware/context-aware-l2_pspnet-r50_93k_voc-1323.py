# Exp. I of Table 3: the squared distance to the counterpart, in both directions.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
method = dict(
    objectives=dict(
        context_contrast=dict(distance="l2", directional=False, gamma=None, bank_size=0)
    )
)
