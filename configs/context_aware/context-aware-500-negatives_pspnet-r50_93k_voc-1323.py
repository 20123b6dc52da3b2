# Table 4: 500 negatives for each of 2 GPUs; here they are counted over all GPUs.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
method = dict(objectives=dict(context_contrast=dict(batch_negatives=1000, bank_size=0)))
