# Context-aware consistency on PASCAL VOC with 1/8 of the masks and ResNet-101; as in the
# authors' code, the bank holds the features of two past steps.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d16.py",
    "../_base_/datasets/pascal_voc12_aug_320.py",
    "../_base_/schedules/sgd_93k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="context_aware", objectives=dict(context_contrast=dict(bank_size=51200))
)
labeled = "split:voc12aug/cac_0_1323_labeled.txt"
default_hooks = dict(checkpoint=dict(interval=5785))
