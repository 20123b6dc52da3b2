# AugSeg on PASCAL VOC with U2PL's list of 662 masks: 80 epochs of 620 steps with 16
# unlabelled images. The backbone learns at 1e-3, the head ten times as fast.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d16_unimatch.py",
    "../_base_/datasets/pascal_voc12_aug_513.py",
    "../_base_/schedules/sgd_105k.py",
    "../_base_/default_runtime.py",
]
method = "augseg"
labeled = "split:voc12aug/unimatch_u2pl_1_16_labeled.txt"
model = dict(backbone=dict(multi_grid=(2, 4, 8), contract_dilation=False))
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=49601, by_epoch=False)
]
train_cfg = dict(max_iters=49600, val_interval=3100)
default_hooks = dict(checkpoint=dict(interval=3100))
