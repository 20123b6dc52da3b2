# Table 7, strong / weak / unlabelled 1464 / 0 / 9118.
_base_ = ["./mlmt_r101_3k_voc-1_20.py"]
model = dict(consistency=dict(start=910, ramp=4550))
param_scheduler = [
    dict(type="CosineAnnealingLR", eta_min=1e-4, begin=0, end=9100, by_epoch=False)
]
train_cfg = dict(max_iters=9100, val_interval=3033)
default_hooks = dict(checkpoint=dict(interval=3033))
train_dataloader = dict(
    dataset=dict(
        sources=dict(labeled=dict(ann_file="split:voc12aug/unimatch_1464_labeled.txt")),
    ),
)
