# MLMT on VOC with 211 masks (1/50), 100 epochs over them.
_base_ = ["./mlmt_r101_3k_voc-1_20.py"]
model = dict(consistency=dict(start=130, ramp=650))
param_scheduler = [
    dict(type="CosineAnnealingLR", eta_min=1e-4, begin=0, end=1300, by_epoch=False)
]
train_cfg = dict(max_iters=1300, val_interval=433)
default_hooks = dict(checkpoint=dict(interval=433))
train_dataloader = dict(
    dataset=dict(
        sources=dict(labeled=dict(ann_file="split:voc12aug/mittal_211_labeled.txt")),
    ),
)
