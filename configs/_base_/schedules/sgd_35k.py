# 35000 iterations of SGD with polynomial decay, as s4GAN trains (section 4.1): more
# weight decay than AdvSemiSeg, and no Nesterov momentum.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(
        type="SGD", lr=2.5e-4, momentum=0.9, nesterov=False, weight_decay=5e-4
    ),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),
)
# (1 - t / 35000)^0.9 in iteration t, as published; PolyLR divides by end - begin - 1.
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=35001, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=35000, val_interval=2500)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
