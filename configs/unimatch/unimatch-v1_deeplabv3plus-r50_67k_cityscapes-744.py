# UniMatch on Cityscapes with 744 masks, every pixel selected: 240 epochs of 278 steps.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d16_unimatch_cityscapes.py",
    "../_base_/datasets/cityscapes_801.py",
    "../_base_/schedules/sgd_84k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="unimatch_v1", objectives=dict(unimatch=dict(threshold=0.0)))
labeled = "split:cityscapes/unimatch_1_4_labeled.txt"
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=66721, by_epoch=False)
]
train_cfg = dict(max_iters=66720, val_interval=2780)
default_hooks = dict(checkpoint=dict(interval=2780))
