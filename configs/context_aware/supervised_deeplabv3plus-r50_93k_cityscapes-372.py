# The baseline: DeepLabv3+ with ResNet-50 on Cityscapes from the masks alone.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d16.py",
    "../_base_/datasets/cityscapes_720.py",
    "../_base_/schedules/sgd_93k.py",
    "../_base_/default_runtime.py",
]
method = "supervised"
labeled = "split:cityscapes/cac_0_372_labeled.txt"
model = dict(decode_head=dict(num_classes=19))
optim_wrapper = dict(optimizer=dict(lr=0.1))
default_hooks = dict(checkpoint=dict(interval=5785))
