# MLMT on PASCAL-Context, 60 classes, with 1/8 of the masks: 100 epochs over 624 images.
_base_ = [
    "../_base_/models/resnet101.py",
    "../_base_/datasets/pascal_context.py",
    "../_base_/schedules/mlmt_3k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="mlmt", iterations=1)
labeled = "ImageSets/SegmentationContext/semi/1_8_labeled.txt"
train_dataloader = dict(batch_size=16)
train_cfg = dict(max_iters=3900, val_interval=1300)
default_hooks = dict(checkpoint=dict(interval=1300, save_best="mAP"))
