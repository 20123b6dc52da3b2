# The baseline: PSPNet with ResNet-50 on VOC from the masks alone.
_base_ = [
    "../_base_/models/pspnet_r50-d8.py",
    "../_base_/datasets/pascal_voc12_aug_320.py",
    "../_base_/schedules/sgd_93k.py",
    "../_base_/default_runtime.py",
]
method = "supervised"
labeled = "split:voc12aug/cac_0_1323_labeled.txt"
default_hooks = dict(checkpoint=dict(interval=5785))
