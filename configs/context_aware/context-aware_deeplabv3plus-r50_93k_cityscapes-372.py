# Context-aware consistency on Cityscapes with 1/8 of the masks: crops of 720x720 pixels
# at full resolution, ten times the learning rate of VOC, and, as in the authors' code, no
# bank: a step alone has 8 images of 2 crops of 90x90 features.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d16.py",
    "../_base_/datasets/cityscapes_720.py",
    "../_base_/schedules/sgd_93k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="context_aware", objectives=dict(context_contrast=dict(bank_size=0)))
labeled = "split:cityscapes/cac_0_372_labeled.txt"
model = dict(decode_head=dict(num_classes=19))
optim_wrapper = dict(optimizer=dict(lr=0.1))
default_hooks = dict(checkpoint=dict(interval=5785))
