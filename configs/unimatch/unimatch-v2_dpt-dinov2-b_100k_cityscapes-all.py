# UniMatch V2 on Cityscapes with all 2975 masks; unlabelled are the 19998 images that have
# coarse masks alone: 40 epochs of 2499 steps.
_base_ = [
    "../_base_/models/dpt_dinov2-b_cityscapes.py",
    "../_base_/datasets/cityscapes_798.py",
    "../_base_/schedules/adamw_63k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
unlabeled = dict(data_prefix=dict(img_path="leftImg8bit/train_extra"))
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=99961, by_epoch=False)
]
train_cfg = dict(max_iters=99960, val_interval=9996)
default_hooks = dict(checkpoint=dict(interval=9996))
