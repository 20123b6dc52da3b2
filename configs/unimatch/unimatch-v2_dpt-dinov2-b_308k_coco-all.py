# UniMatch V2 on COCO with all 118287 masks; unlabelled are the 123403 images of
# unlabeled2017: 40 epochs of 7712 steps.
_base_ = [
    "../_base_/models/dpt_dinov2-b.py",
    "../_base_/datasets/coco_518.py",
    "../_base_/schedules/adamw_148k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
unlabeled = dict(data_prefix=dict(img_path="unlabeled2017"))
model = dict(decode_head=dict(num_classes=81))
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=308481, by_epoch=False)
]
train_cfg = dict(max_iters=308480, val_interval=30848)
default_hooks = dict(checkpoint=dict(interval=30848))
