# Table 7, strong / weak / unlabelled 1464 / 9118 / 0. The masks of the weak images are
# reduced to labels; with a list of labels instead: weak = ["labels.txt", "JPEGImages"].
_base_ = ["./mlmt_r101_3k_voc-529.py"]
method = dict(views=None)
weak = dict(_base_.train_dataloader.dataset, exclude="source:labeled", pipeline=None)
labeled = "split:voc12aug/unimatch_1464_labeled.txt"
train_cfg = dict(max_iters=9200, val_interval=2300)
default_hooks = dict(checkpoint=dict(interval=2300))
