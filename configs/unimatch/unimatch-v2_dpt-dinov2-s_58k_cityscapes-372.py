# UniMatch V2 on Cityscapes with 372 masks (Table 2): 180 epochs of 325 steps.
_base_ = [
    "../_base_/models/dpt_dinov2-s_cityscapes.py",
    "../_base_/datasets/cityscapes_798.py",
    "../_base_/schedules/adamw_63k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
labeled = "split:cityscapes/unimatch_1_8_labeled.txt"
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=58501, by_epoch=False)
]
train_cfg = dict(max_iters=58500, val_interval=3250)
default_hooks = dict(checkpoint=dict(interval=3250))
