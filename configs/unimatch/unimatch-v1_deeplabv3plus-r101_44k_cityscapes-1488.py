# UniMatch on Cityscapes with 1488 masks, every pixel selected: 240 epochs of 185 steps.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d16_unimatch_cityscapes.py",
    "../_base_/datasets/cityscapes_801.py",
    "../_base_/schedules/sgd_84k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="unimatch_v1", objectives=dict(unimatch=dict(threshold=0.0)))
labeled = "split:cityscapes/unimatch_1_2_labeled.txt"
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=44401, by_epoch=False)
]
train_cfg = dict(max_iters=44400, val_interval=1850)
default_hooks = dict(checkpoint=dict(interval=1850))
