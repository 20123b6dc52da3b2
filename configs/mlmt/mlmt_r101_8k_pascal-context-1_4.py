# MLMT on PASCAL-Context, 60 classes, with 1/4 of the masks: 100 epochs over 1249 images.
_base_ = ["./mlmt_r101_4k_pascal-context-1_8.py"]
model = dict(consistency=dict(start=780, ramp=3900))
param_scheduler = [
    dict(type="CosineAnnealingLR", eta_min=1e-4, begin=0, end=7800, by_epoch=False)
]
train_cfg = dict(max_iters=7800, val_interval=2600)
default_hooks = dict(checkpoint=dict(interval=2600))
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            labeled=dict(ann_file="ImageSets/SegmentationContext/semi/1_4_labeled.txt"),
        ),
    ),
)
