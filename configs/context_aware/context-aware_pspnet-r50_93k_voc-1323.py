# Context-aware consistency on PASCAL VOC with 1/8 of the masks and PSPNet, whose features
# have stride 8 and are not pooled. Exp. VIII of Table 3, with 19,200 negatives per GPU of
# Table 4: 12,800 of the step and half of the bank.
_base_ = [
    "../_base_/models/pspnet_r50-d8.py",
    "../_base_/datasets/pascal_voc12_aug_320.py",
    "../_base_/schedules/sgd_93k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="context_aware")
labeled = "split:voc12aug/cac_0_1323_labeled.txt"
default_hooks = dict(checkpoint=dict(interval=5785))
