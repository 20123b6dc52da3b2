# Table 7, all masks: 10582 / 0 / 0, 100 epochs; the teacher sees the labelled images.
_base_ = ["./mlmt_r101_3k_voc-529.py"]
method = dict(views=None, ratio=None, weak=None)
labeled = "split:voc12aug/train_aug.txt"
train_cfg = dict(max_iters=66200, val_interval=16550)
default_hooks = dict(checkpoint=dict(interval=16550))
