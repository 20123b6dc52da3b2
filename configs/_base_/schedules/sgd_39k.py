# Cross pseudo supervision on VOC with 1323 masks: 34 epochs of 1157 steps with 8
# unlabelled images, one learning rate, and no decay of norms and biases.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=2.5e-3, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
# (1 - t / 39338)^0.9 in iteration t, as published; PolyLR divides by end - begin - 1.
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=39339, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=39338, val_interval=2314)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
