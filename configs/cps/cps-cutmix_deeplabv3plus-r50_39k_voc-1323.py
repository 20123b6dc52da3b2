# Cross pseudo supervision with CutMix on PASCAL VOC with 1323 masks, tested in windows.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d16_unimatch.py",
    "../_base_/datasets/pascal_voc12_aug_512.py",
    "../_base_/schedules/sgd_39k.py",
    "../_base_/default_runtime.py",
]
method = "cps_cutmix"
labeled = "split:voc12aug/unimatch_1_8_labeled.txt"
model = dict(
    backbone=dict(multi_grid=(2, 4, 8), contract_dilation=False),
    test_cfg=dict(mode="slide", crop_size=(512, 512), stride=(342, 342)),
)
default_hooks = dict(checkpoint=dict(interval=2314))
