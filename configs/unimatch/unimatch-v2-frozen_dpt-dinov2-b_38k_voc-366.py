# UniMatch V2 with a fixed encoder, which teacher and student share, on PASCAL VOC with
# 366 masks: 60 epochs of 638 steps.
_base_ = [
    "../_base_/models/dpt_dinov2-b.py",
    "../_base_/datasets/pascal_voc12_aug_518.py",
    "../_base_/schedules/adamw_39k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
labeled = "split:voc12aug/unimatch_366_labeled.txt"
model = dict(backbone=dict(frozen=True))
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=38281, by_epoch=False)
]
train_cfg = dict(max_iters=38280, val_interval=3190)
default_hooks = dict(checkpoint=dict(interval=3190))
