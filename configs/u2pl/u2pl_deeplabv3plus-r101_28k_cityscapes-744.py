# U2PL on Cityscapes with 744 masks: 200 epochs of 139 steps with 16 unlabelled images, 2 on
# each of 8 GPUs. In the first epoch the student is its own teacher.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d8_u2pl_cityscapes.py",
    "../_base_/datasets/cityscapes_769.py",
    "../_base_/schedules/sgd_84k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="u2pl",
    teacher=dict(momentum=[(0, 0.0), (0.005, 0.99)]),
    objectives=dict(consistency=dict(start=0), contrast=dict(start=0)),
)
labeled = "split:cityscapes/unimatch_1_4_labeled.txt"
optim_wrapper = dict(optimizer=dict(lr=0.01, weight_decay=5e-4))
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=27801, by_epoch=False)
]
train_cfg = dict(max_iters=27800, val_interval=1390)
default_hooks = dict(checkpoint=dict(interval=1390))
