# MLMT on VOC with 1322 masks (1/8), 100 epochs over them.
_base_ = ["./mlmt_r101_3k_voc-529.py"]
labeled = "split:voc12aug/mittal_1322_labeled.txt"
train_cfg = dict(max_iters=8300, val_interval=2075)
default_hooks = dict(checkpoint=dict(interval=2075))
