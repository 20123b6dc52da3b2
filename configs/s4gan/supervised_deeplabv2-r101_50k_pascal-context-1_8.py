# DeepLabv2 of Table 3: 1/8 of the masks alone, eight images a step.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/datasets/pascal_context.py",
    "../_base_/schedules/sgd_35k.py",
    "../_base_/default_runtime.py",
]
method = "supervised"
labeled = "ImageSets/SegmentationContext/semi/1_8_labeled.txt"
model = dict(decode_head=dict(num_classes=60))
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=50001, by_epoch=False)
]
train_cfg = dict(max_iters=50000, val_interval=5000)
train_dataloader = dict(batch_size=8)
default_hooks = dict(checkpoint=dict(interval=5000))
