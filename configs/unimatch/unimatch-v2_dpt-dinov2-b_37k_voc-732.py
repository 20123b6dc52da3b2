# UniMatch V2 on PASCAL VOC with 732 masks (Table 1): 60 epochs of 615 steps.
_base_ = [
    "../_base_/models/dpt_dinov2-b.py",
    "../_base_/datasets/pascal_voc12_aug_518.py",
    "../_base_/schedules/adamw_39k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
labeled = "split:voc12aug/unimatch_732_labeled.txt"
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=36901, by_epoch=False)
]
train_cfg = dict(max_iters=36900, val_interval=3075)
default_hooks = dict(checkpoint=dict(interval=3075))
