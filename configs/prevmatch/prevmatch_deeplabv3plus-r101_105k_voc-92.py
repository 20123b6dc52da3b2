# PrevMatch on PASCAL VOC with 92 masks and ResNet-101: 80 epochs of 1311 steps.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d16_unimatch.py",
    "../_base_/datasets/pascal_voc12_aug_321.py",
    "../_base_/schedules/sgd_105k.py",
    "../_base_/default_runtime.py",
]
method = "prevmatch"
labeled = "split:voc12aug/unimatch_92_labeled.txt"
default_hooks = dict(checkpoint=dict(interval=6555))
