# Interpolation consistency on PASCAL VOC with 1323 masks.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/adam_40k.py",
    "../_base_/default_runtime.py",
]
method = "ict"
labeled = "split:voc12aug/mittal_1323_labeled.txt"
