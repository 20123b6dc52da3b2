# UniMatch on VOC with 92 masks: 80 epochs of 1311 steps with 8 unlabelled images. The
# backbone learns at 1e-3, the head ten times as fast.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
# (1 - t / 104880)^0.9 in iteration t, as published; PolyLR divides by end - begin - 1.
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=104881, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=104880, val_interval=6555)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
