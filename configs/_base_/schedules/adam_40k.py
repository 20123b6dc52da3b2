# 40000 iterations of Adam with a constant learning rate, as French et al. train: the
# pretrained backbone learns a tenth as fast as the classifier.
_base_ = ["./adam_60k.py"]
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
train_cfg = dict(max_iters=40000)
