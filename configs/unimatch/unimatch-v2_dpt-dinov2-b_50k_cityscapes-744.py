# UniMatch V2 on Cityscapes with 744 masks (Table 2): 180 epochs of 278 steps.
_base_ = [
    "../_base_/models/dpt_dinov2-b_cityscapes.py",
    "../_base_/datasets/cityscapes_798.py",
    "../_base_/schedules/adamw_63k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
labeled = "split:cityscapes/unimatch_1_4_labeled.txt"
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=50041, by_epoch=False)
]
train_cfg = dict(max_iters=50040, val_interval=2780)
default_hooks = dict(checkpoint=dict(interval=2780))
