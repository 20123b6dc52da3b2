# U2PL on PASCAL VOC with its own list of 662 masks: 80 epochs of 620 steps with 16
# unlabelled images, 4 on each of 4 GPUs. The backbone learns at 1e-3, the head ten times as
# fast.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d8_u2pl.py",
    "../_base_/datasets/pascal_voc12_aug_513.py",
    "../_base_/schedules/sgd_105k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="u2pl")
labeled = "split:voc12aug/unimatch_u2pl_1_16_labeled.txt"
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=49601, by_epoch=False)
]
train_cfg = dict(max_iters=49600, val_interval=3100)
default_hooks = dict(checkpoint=dict(interval=3100))
