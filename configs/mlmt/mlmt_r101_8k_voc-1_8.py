# MLMT on VOC with 1322 masks (1/8), 100 epochs over them.
_base_ = ["./mlmt_r101_3k_voc-1_20.py"]
model = dict(consistency=dict(start=820, ramp=4100))
param_scheduler = [
    dict(type="CosineAnnealingLR", eta_min=1e-4, begin=0, end=8200, by_epoch=False)
]
train_cfg = dict(max_iters=8200, val_interval=2733)
default_hooks = dict(checkpoint=dict(interval=2733))
train_dataloader = dict(
    dataset=dict(
        sources=dict(labeled=dict(ann_file="split:voc12aug/mittal_1322_labeled.txt")),
    ),
)
