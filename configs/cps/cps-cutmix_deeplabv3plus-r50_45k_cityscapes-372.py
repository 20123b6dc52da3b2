# Cross pseudo supervision with CutMix on Cityscapes with 372 masks: 137 epochs of 325 steps.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d16_unimatch_cityscapes.py",
    "../_base_/datasets/cityscapes_800.py",
    "../_base_/schedules/sgd_39k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="cps_cutmix", objectives=dict(cross_pseudo=dict(weight=5.0)))
labeled = "split:cityscapes/unimatch_1_8_labeled.txt"
model = dict(
    backbone=dict(multi_grid=(2, 4, 8), contract_dilation=False),
    decode_head=dict(loss_decode=dict(min_kept_per_image=50_000)),
    test_cfg=dict(crop_size=(800, 800), stride=(534, 534)),
)
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=44526, by_epoch=False)
]
train_cfg = dict(max_iters=44525, val_interval=1625)
default_hooks = dict(checkpoint=dict(interval=1625))
