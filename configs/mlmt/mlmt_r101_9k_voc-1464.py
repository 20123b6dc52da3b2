# Table 7, strong / weak / unlabelled 1464 / 0 / 9118.
_base_ = ["./mlmt_r101_3k_voc-529.py"]
labeled = "split:voc12aug/unimatch_1464_labeled.txt"
train_cfg = dict(max_iters=9200, val_interval=2300)
default_hooks = dict(checkpoint=dict(interval=2300))
