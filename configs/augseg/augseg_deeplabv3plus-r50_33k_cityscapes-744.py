# AugSeg on Cityscapes with 744 masks, every pixel selected: 240 epochs of 139 steps with 16
# unlabelled images, 4 on each of 4 GPUs.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d16_unimatch_cityscapes.py",
    "../_base_/datasets/cityscapes_801.py",
    "../_base_/schedules/sgd_84k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="augseg",
    teacher=dict(momentum=0.996),
    objectives=dict(consistency=dict(weight=2.0, threshold=0.0)),
)
labeled = "split:cityscapes/unimatch_1_4_labeled.txt"
model = dict(
    backbone=dict(multi_grid=(2, 4, 8), contract_dilation=False),
    # 100,000 pixels for the four images of each GPU.
    decode_head=dict(loss_decode=dict(min_kept_per_image=25_000)),
)
train_dataloader = dict(batch_size=16)
optim_wrapper = dict(optimizer=dict(lr=0.01, weight_decay=5e-4))
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=33361, by_epoch=False)
]
train_cfg = dict(max_iters=33360, val_interval=1390)
default_hooks = dict(checkpoint=dict(interval=1390))
