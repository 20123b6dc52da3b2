# MLMT on PASCAL-Context, 60 classes, with 1/4 of the masks: 100 epochs over 1249 images.
_base_ = ["./mlmt_r101_4k_pascal-context-1_8.py"]
labeled = "ImageSets/SegmentationContext/semi/1_4_labeled.txt"
train_cfg = dict(max_iters=7900, val_interval=1975)
default_hooks = dict(checkpoint=dict(interval=1975))
