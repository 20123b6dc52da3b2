# MLMT on VOC with 211 masks (1/50), 100 epochs over them.
_base_ = ["./mlmt_r101_3k_voc-529.py"]
labeled = "split:voc12aug/mittal_211_labeled.txt"
train_cfg = dict(max_iters=1400, val_interval=350)
default_hooks = dict(checkpoint=dict(interval=350))
