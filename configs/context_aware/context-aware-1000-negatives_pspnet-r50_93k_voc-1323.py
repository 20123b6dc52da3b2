# Table 4: 1,000 negatives for each of 2 GPUs; here they are counted over all GPUs.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
method = dict(objectives=dict(context_contrast=dict(batch_negatives=2000, bank_size=0)))
