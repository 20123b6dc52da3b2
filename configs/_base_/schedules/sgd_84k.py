# UniMatch on Cityscapes with 186 masks: 240 epochs of 348 steps with 8 unlabelled
# images, one learning rate.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=5e-3, momentum=0.9, weight_decay=1e-4),
)
# (1 - t / 83520)^0.9 in iteration t, as published; PolyLR divides by end - begin - 1.
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=83521, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=83520, val_interval=3480)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
