# UniMatch on PASCAL VOC with 183 masks (Table 1): 80 epochs of 1299 steps.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d16_unimatch.py",
    "../_base_/datasets/pascal_voc12_aug_321.py",
    "../_base_/schedules/sgd_105k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v1"
labeled = "split:voc12aug/unimatch_183_labeled.txt"
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=103921, by_epoch=False)
]
train_cfg = dict(max_iters=103920, val_interval=6495)
default_hooks = dict(checkpoint=dict(interval=6495))
