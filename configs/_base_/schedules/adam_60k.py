# 60000 iterations of Adam with a constant learning rate: each stage of three-stage
# self-training.
optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="Adam", lr=3e-5, weight_decay=0.0)
)
param_scheduler = None
train_cfg = dict(type="IterBasedTrainLoop", max_iters=60000, val_interval=2000)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
