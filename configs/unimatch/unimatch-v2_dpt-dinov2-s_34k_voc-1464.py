# UniMatch V2 on PASCAL VOC with 1464 masks (Table 1): 60 epochs of 569 steps.
_base_ = [
    "../_base_/models/dpt_dinov2-s.py",
    "../_base_/datasets/pascal_voc12_aug_518.py",
    "../_base_/schedules/adamw_39k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
labeled = "split:voc12aug/unimatch_1464_labeled.txt"
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=34141, by_epoch=False)
]
train_cfg = dict(max_iters=34140, val_interval=2845)
default_hooks = dict(checkpoint=dict(interval=2845))
