# UniMatch on PASCAL VOC with 1464 masks (Table 1): 80 epochs of 1139 steps.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d16_unimatch.py",
    "../_base_/datasets/pascal_voc12_aug_321.py",
    "../_base_/schedules/sgd_105k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v1"
labeled = "split:voc12aug/unimatch_1464_labeled.txt"
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=91121, by_epoch=False)
]
train_cfg = dict(max_iters=91120, val_interval=5695)
default_hooks = dict(checkpoint=dict(interval=5695))
