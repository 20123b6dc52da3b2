# UniMatch V2 on ADE20K with all 20210 masks; unlabelled are 241690 images of COCO: 30
# epochs of 15105 steps with 16 of them, 2 on each of 8 GPUs.
_base_ = [
    "../_base_/models/dpt_dinov2-b.py",
    "../_base_/datasets/ade20k_518.py",
    "../_base_/schedules/adamw_149k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
unlabeled = dict(
    _delete_=True, paths=["data/coco/train2017", "data/coco/unlabeled2017"]
)
train_dataloader = dict(batch_size=16)
model = dict(decode_head=dict(num_classes=150))
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=453151, by_epoch=False)
]
train_cfg = dict(max_iters=453150, val_interval=45315)
default_hooks = dict(checkpoint=dict(interval=45315))
