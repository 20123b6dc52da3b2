# Table 7, all masks: 10582 / 0 / 0, 100 epochs; the teacher sees the labelled images.
_base_ = ["./mlmt_r101_3k_voc-1_20.py"]
model = dict(consistency=dict(start=6610, ramp=33050))
param_scheduler = [
    dict(type="CosineAnnealingLR", eta_min=1e-4, begin=0, end=66100, by_epoch=False)
]
train_cfg = dict(max_iters=66100, val_interval=22033)
default_hooks = dict(checkpoint=dict(interval=22033))
train_dataloader = dict(
    batch_size=16,
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(
        sources=dict(
            labeled=dict(ann_file="split:voc12aug/train_aug.txt"), unlabeled=None
        )
    ),
)
