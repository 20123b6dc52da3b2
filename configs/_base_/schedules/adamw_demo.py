# For the demonstration: a minute or two of AdamW, with a line of log every second.
_base_ = ["../default_runtime.py"]
optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="AdamW", lr=1.5e-2, weight_decay=0.01)
)
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=1200, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=1200, val_interval=200)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=200, max_keep_ckpts=1),
)
