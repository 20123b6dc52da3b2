# UniMatch V2 on VOC with 92 masks: 60 epochs of 655 steps with 16 unlabelled images. The
# encoder learns at 5e-6, the head forty times as fast; weight decay of all parameters.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=2e-4, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.025))),
)
# (1 - t / 39300)^0.9 in iteration t, as published; PolyLR divides by end - begin - 1.
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=39301, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=39300, val_interval=3275)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
