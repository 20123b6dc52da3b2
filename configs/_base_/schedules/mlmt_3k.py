# 3400 iterations: 100 epochs over 529 labelled images in batches of 16, as the published
# code of Mittal et al. 2019, where the last batch of an epoch counts, although it has one
# image. The block `mlmt` has the optimizer and its cosine decay.
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=0.03))
train_cfg = dict(type="IterBasedTrainLoop", max_iters=3400, val_interval=850)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
