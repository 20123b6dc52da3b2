# UniMatch V2 without its dropout of channels on PASCAL VOC with 183 masks: 60 epochs of
# 649 steps.
_base_ = [
    "../_base_/models/dpt_dinov2-b.py",
    "../_base_/datasets/pascal_voc12_aug_518.py",
    "../_base_/schedules/adamw_39k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="unimatch_v2", objectives=dict(unimatch=dict(perturb=None)))
labeled = "split:voc12aug/unimatch_183_labeled.txt"
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=38941, by_epoch=False)
]
train_cfg = dict(max_iters=38940, val_interval=3245)
default_hooks = dict(checkpoint=dict(interval=3245))
