# 92560 iterations of SGD with polynomial decay: 80 epochs of 1157 steps with 8
# unlabelled images, as many as VOC with 1/8 of the masks has. The authors' code counts
# 1157 steps an epoch for every list and for Cityscapes. All but the backbone learns ten
# times as fast.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
# (1 - t / 92560)^0.9 in iteration t, as published; PolyLR divides by end - begin - 1.
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=92561, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=92560, val_interval=5785)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
