# 40000 iterations of SGD with polynomial decay; the classifier learns ten times as fast
# as the backbone: what AdvSemiSeg (Table 9) and its successors train DeepLabv2 with.
# The optimizer of a method's discriminator decays in the same way.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(
        type="SGD", lr=2.5e-4, momentum=0.9, nesterov=True, weight_decay=1e-4
    ),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),
)
# (1 - t / 40000)^0.9 in iteration t, as published; PolyLR divides by end - begin - 1.
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=40001, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=40000, val_interval=2000)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
