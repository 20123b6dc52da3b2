# Context-aware consistency on PASCAL VOC with 1/8 of the masks (section 4.1). A crop has
# 40x40 features after pooling; the bank holds those of one past step: 8 images, 2 crops.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d16.py",
    "../_base_/datasets/pascal_voc12_aug_320.py",
    "../_base_/schedules/sgd_93k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="context_aware", objectives=dict(context_contrast=dict(bank_size=25600))
)
labeled = "split:voc12aug/cac_0_1323_labeled.txt"
default_hooks = dict(checkpoint=dict(interval=5785))
