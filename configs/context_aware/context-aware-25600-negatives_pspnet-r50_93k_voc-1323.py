# Table 4: 25,600 negatives for each of 2 GPUs; here they are counted over all GPUs.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
method = dict(objectives=dict(context_contrast=dict(bank_size=25600)))
