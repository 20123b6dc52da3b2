# Exp. II of Table 3: the vanilla contrastive loss, with all negatives.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
method = dict(
    objectives=dict(
        context_contrast=dict(directional=False, negatives="all", gamma=None)
    )
)
